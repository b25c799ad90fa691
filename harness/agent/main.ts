/**
 * The agent: runs on the target, does what it is told over its channel, one message at a time, and says what it saw.
 * It knows nothing of expectations. Start-up is part of every run, so it imports koffi and its own modules only.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism, machine, release, version } from 'node:os';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openChannel } from '../../vm/agent-channel.ts';
import type { AgentChannel } from '../../vm/agent-channel.ts';
import type { FromAgent, Greeting, ToAgent } from '../contract/protocol.ts';
import type { Topology } from '../contract/topology.ts';
import { awake } from './awake.ts';
import { KernelLog } from './kernel-log.ts';
import { realSystemCalls } from './libc.ts';
import { Namespaces } from './namespaces.ts';
import { poolFile, usePool } from './payload.ts';
import { runCase } from './run-case.ts';
import type { Surroundings } from './run-case.ts';
import { survey } from './survey.ts';
import { useSegmenter } from './tap.ts';
import type { Segmenter } from '../wire/segment.ts';
import type { SystemCalls } from './sys.ts';
import { TopologyCache } from './topology-cache.ts';

/** An internal software error, sysexits.h. */
const EX_SOFTWARE = 70;
const CALIBRATION_LOOPS = 50_000;

/** Nanoseconds a fixed piece of JavaScript takes: about 50 times more in an emulated guest. */
function slowness(): number {
  const started = process.hrtime.bigint();
  let value = 1;
  for (let i = 0; i < CALIBRATION_LOOPS; i++) value = (Math.imul(value, 1664525) + 1013904223) | 0;
  const took = Number(process.hrtime.bigint() - started);
  // The result is used, lest the loop be optimised away.
  return value === 0 ? took + 1 : took;
}

/** The CPU this thread is on: field 39 of /proc/self/stat, counted behind the command's closing bracket. */
function currentCpu(): number {
  const stat = readFileSync('/proc/self/stat', 'latin1');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[36]);
}

/** The system calls for endpoints: the real ones, or a deliberately wrong endpoint around them. */
async function endpoint(path: string | undefined): Promise<SystemCalls> {
  if (path === undefined || path === '') return realSystemCalls;
  const module = (await import(pathToFileURL(path).href)) as { default: (next: SystemCalls) => SystemCalls };
  return module.default(realSystemCalls);
}

/** `NAME:MODULE`: a deliberately wrong segmenter in place of the right one, and the list it is in. */
async function segmenter(wanted: string | undefined): Promise<void> {
  if (wanted === undefined || wanted === '') return;
  const [name = '', ...path] = wanted.split(':');
  const module = (await import(pathToFileURL(path.join(':')).href)) as {
    WRONG_SEGMENTERS: readonly { readonly name: string; readonly segmenter: Segmenter }[];
  };
  const found = module.WRONG_SEGMENTERS.find((one) => one.name === name);
  if (!found) throw new RangeError(`there is no segmenter "${name}" in fixtures/segmenter`);
  useSegmenter(found.segmenter);
}

function serve(channel: AgentChannel, around: Surroundings, namespaces: Namespaces): void {
  const say = (message: FromAgent): void => {
    channel.send(message);
  };
  const topologies = new Map<string, Topology>();
  let started = 0;
  let finished = 0;
  for (;;) {
    const message = channel.receive() as ToAgent | undefined;
    if (message === undefined) return;
    switch (message.type) {
      case 'greet':
        throw new Error('greeted twice');
      case 'survey':
        say({ type: 'survey', kinds: survey(message.kinds, around.own, namespaces) });
        break;
      case 'topology':
        topologies.set(message.topology.key, message.topology);
        break;
      case 'run': {
        say({ type: 'start', id: message.program.id });
        started++;
        const topology = topologies.get(message.program.topology);
        if (!topology) throw new Error(`nobody told of topology ${message.program.topology}`);
        const evidence = runCase({ ...message.program, topology }, around);
        finished++;
        // Held back until the next case's start is said, unless there is none yet.
        channel.post({ type: 'case', evidence } satisfies FromAgent);
        break;
      }
      case 'end':
        around.topologies.dispose();
        say({ type: 'bye', started, finished, kernel: around.log.sinceLast() });
        return;
    }
  }
}

async function main(): Promise<void> {
  const spec = process.env['SEGPROOF_CHANNEL'] ?? '';
  const channel = openChannel(spec);
  try {
    const own = realSystemCalls;
    const sys = await endpoint(process.env['SEGPROOF_ENDPOINT']);
    await segmenter(process.env['SEGPROOF_SEGMENTER']);
    const namespaces = new Namespaces(own);
    usePool(poolFile(dirname(process.argv[1] ?? '')));
    const log = new KernelLog(own);
    // One CPU: what goes through its backlog queue stays in order, so that the sentinel comes last.
    own.pin(currentCpu());
    const greeting = channel.receive() as Greeting | undefined;
    if (greeting === undefined) return;
    if (spec.startsWith('virtio:')) awake(greeting, own);
    channel.send({
      type: 'hello',
      protocol: 1,
      release: release(),
      version: version(),
      machine: machine(),
      node: process.version,
      cpus: availableParallelism(),
      slowness: slowness(),
      kmsg: log.readable,
    } satisfies FromAgent);
    serve(channel, { sys, own, log, topologies: new TopologyCache(own, namespaces) }, namespaces);
  } catch (error) {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    channel.send({ type: 'fatal', message } satisfies FromAgent);
    process.exitCode = EX_SOFTWARE;
  }
}

void main();
