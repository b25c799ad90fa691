/** `segproof shell`: a person in a guest, with a case's topology around them. */
import { join } from 'node:path';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { Duplex } from 'node:stream';
import type { ShellOrder } from '../contract/protocol.ts';
import type { Topology } from '../contract/topology.ts';
import { createPlanner, variantInfos } from '../plan/planner.ts';
import { select } from '../load/select.ts';
import { EXIT, UserError } from './exit.ts';
import type { MachineFlags } from './machine-commands.ts';
import { requireProject } from './project.ts';
import { guestOptions } from './targets.ts';
import { relay } from './terminal-relay.ts';
import { root } from './version.ts';

export interface ShellFlags extends MachineFlags {
  readonly suite: readonly string[];
  readonly dryRun?: boolean;
}

/** Longest time to the prompt, in ms. */
const BOOT_MS = 300_000;
/** The guest's end of {@link relay}. */
const TERMINAL = '/dev/hvc0';

export async function shellCommand(id: string | undefined, flags: ShellFlags): Promise<number> {
  const [spec, ...more] = flags.kernel;
  if (spec === undefined || spec === 'running' || more.length > 0)
    throw new UserError(
      EXIT.usage,
      'a shell needs one guest: name its kernel with --kernel',
      'on the running kernel, unshare --user --map-root-user --net gives the like',
    );
  const topology = id === undefined ? null : topologyOf(id, flags.suite);
  const { guestMachine } = await import('../../vm/guest.ts');
  const options = await guestOptions(spec, flags);
  let meet: (terminal: Duplex) => void = () => undefined;
  const terminal = new Promise<Duplex>((resolve) => {
    meet = resolve;
  });
  const source = guestMachine({ ...options, onTerminal: meet });
  const command = [process.execPath, join(root, 'dist/harness/agent/shell.js')];
  if (flags.dryRun === true) {
    for (const line of await source.describe({ command, folder: '.' })) process.stdout.write(`${line}\n`);
    return EXIT.ok;
  }
  const folder = mkdtempSync(join(tmpdir(), 'segproof-shell-'));
  const interruption = new AbortController();
  try {
    process.stderr.write(
      `segproof: booting ${options.kernel.description}; exit or Ctrl-D leaves, Ctrl-A X kills\n`,
    );
    await using machine = await source.start({
      ...{ command, folder, bootMs: BOOT_MS, signal: interruption.signal, onState: () => undefined },
    });
    machine.send(orderFor(source.target, topology));
    const stopRelay = { now: (): void => undefined };
    for await (const message of machine.messages)
      if ((message as { readonly type?: unknown }).type === 'ready')
        stopRelay.now = relay(await terminal, process.stdin, process.stdout, () => {
          interruption.abort(new UserError(EXIT.ok, 'the guest was killed'));
        });
    stopRelay.now();
    return EXIT.ok;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function orderFor(name: string, topology: Topology | null): ShellOrder {
  const { rows = 24, columns = 80 } = process.stdout as { rows?: number; columns?: number };
  const term = process.env['TERM'] ?? 'vt100';
  return { type: 'shell', name, topology, terminal: TERMINAL, term, rows, columns };
}

/** The topology of the first variant that `id` names, as planned for a kernel of which nothing is known. */
function topologyOf(id: string, suites: readonly string[]): Topology {
  const project = requireProject(suites);
  const planner = createPlanner(project, select(variantInfos(project), [id]));
  const statuses = planner.behaviours.map((info) => ({
    ...info,
    stated: 'unknown' as const,
    probed: 'not-probed' as const,
    judged: false,
  }));
  const [planned] = planner.plan(statuses);
  if (planned === undefined) throw new UserError(EXIT.data, `${id} has no variant`);
  process.stderr.write(`segproof: topology ${planned.program.topology.name} of ${planned.id}\n`);
  return planned.program.topology;
}
