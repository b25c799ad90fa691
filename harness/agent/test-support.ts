/** For tests that need a kernel: namespaces of their own, and short ways to write programs. */
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { CaseEvidence } from '../contract/evidence.ts';
import type { Action, Family, Message, Program } from '../contract/program.ts';
import type { Topology } from '../contract/topology.ts';
import { takeApart } from '../run/captured.ts';
import { KernelLog } from './kernel-log.ts';
import { realSystemCalls } from './libc.ts';
import { Namespaces } from './namespaces.ts';
import { runCase } from './run-case.ts';
import type { SystemCalls } from './sys.ts';
import { TopologyCache } from './topology-cache.ts';

const INSIDE = 'SEGPROOF_TEST_NAMESPACE';

/** Runs the test file again in new user, mount and network namespaces, and `body` there; its tests are reported here. */
export async function inPrivateNamespace(file: string, body: () => void | Promise<void>): Promise<void> {
  if (process.env[INSIDE] !== undefined) {
    await body();
    return;
  }
  const again = [process.execPath, ...process.execArgv, fileURLToPath(file)];
  const args = ['--user', '--map-root-user', '--net', '--mount', ...again];
  await t.spawn('unshare', args, { env: { ...process.env, [INSIDE]: '1' } }, 'in namespaces of its own');
}

export interface TestAgent {
  run(
    actions: readonly Action[],
    options?: { topology?: Topology; sys?: SystemCalls; deadlineMs?: number; seed?: number },
  ): CaseEvidence;
  readonly namespaces: Namespaces;
  dispose(): void;
}

/** An agent without a channel, in this process. `own`: what it builds topologies and captures by. */
export function testAgent(own: SystemCalls = realSystemCalls): TestAgent {
  const namespaces = new Namespaces(own);
  const topologies = new TopologyCache(own, namespaces);
  const log = new KernelLog(own);
  let count = 0;
  own.pin(0);
  return {
    namespaces,
    run(actions, { topology = loopback(), sys = own, deadlineMs = 10_000, seed = count } = {}) {
      const program: Program = { id: `test-${count++}`, seed, topology, actions, deadlineMs };
      return takeApart(runCase(program, { sys, own, topologies, log }), seed);
    },
    dispose() {
      topologies.dispose();
      log.close();
    },
  };
}

/** One namespace `host`, lo up with the addresses of {@link host}. */
export function loopback(mtu = 1500): Topology {
  const lo = {
    name: 'lo',
    kind: 'lo',
    mtu,
    up: true,
    addresses: ['10.0.0.1/32', 'fd00::1/128'],
    features: {},
  } as const;
  return {
    name: 'loopback',
    key: `loopback ${mtu}`,
    namespaces: { host: { links: [lo], routes: [], sysctls: {} } },
  };
}

/** The receiver's endpoint. */
export function host(family: Family = 'ipv4', port = 9000): { address: string; port: number } {
  return { address: family === 'ipv4' ? '10.0.0.1' : 'fd00::1', port };
}

/** A bound receiver `rx` and a sender `tx` with path MTU discovery DO. */
export function pair(family: Family = 'ipv4', ns = 'host', to = host(family)): Action[] {
  const [level, option] =
    family === 'ipv4' ? ['SOL_IP', 'IP_MTU_DISCOVER'] : ['SOL_IPV6', 'IPV6_MTU_DISCOVER'];
  return [
    { do: 'open', socket: 'rx', ns, family, protocol: 'udp' },
    { do: 'bind', socket: 'rx', to },
    { do: 'open', socket: 'tx', ns, family, protocol: 'udp' },
    { do: 'set', socket: 'tx', level, option, value: { int: 2 } },
  ];
}

export function gso(size: number): Message['control'] {
  return size === 0 ? [] : [{ level: 'SOL_UDP', type: 'UDP_SEGMENT', value: { u16: size } }];
}

/** One sendmsg of `bytes` from `tx`, segmented by control message when `size` is not 0. */
export function send(stream: number, bytes: number, size = 0, to = host()): Action {
  const message = { stream, iov: [bytes], control: gso(size), to };
  return { do: 'send', socket: 'tx', call: 'sendmsg', messages: [message], flags: [] };
}

/** A receive on `rx` that has to find the queue empty by waiting. */
export function receiveBlind(want: number, waitMs: number): Action {
  return { do: 'receive', socket: 'rx', want, buffer: 65535, control: 256, flags: [], waitMs };
}

/** A receive on `rx` with the sentinel from namespace `host`. */
export function receive(want: number, more: Partial<Extract<Action, { do: 'receive' }>> = {}): Action {
  return {
    do: 'receive',
    socket: 'rx',
    want,
    buffer: 65535,
    control: 256,
    flags: [],
    waitMs: 200,
    sentinel: { ns: 'host', family: 'ipv4', to: host() },
    ...more,
  };
}
