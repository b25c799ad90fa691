/** Command to first case of `segproof run --kernel` against the whole of virtme-ng's own `vng … -- true`, by turns. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { resolveKernel } from '../vm/kernels/resolve.ts';
import type { Kernel } from '../vm/kernels/types.ts';
import { DEFAULT_MEMORY } from '../vm/guest/command.ts';
import { CPUS } from '../vm/guest/plan.ts';
import { MachineError } from '../vm/machine.ts';
import { spawnTree } from '../vm/process-group.ts';
import { vngCommand } from '../vm/virtme.ts';
import { benchmark, main, note, onProgress, say, settle, type CommonFlags } from './command.ts';
import { awaitQuiet } from './quiet.ts';
import { startSegproof } from './segproof.ts';
import { figure, median, spread } from './statistics.ts';

interface Flags extends CommonFlags {
  readonly kernel: string;
  readonly case: string;
}

/** Issue 3: "at most 9 s under TCG for 6.12; and at most 0.5 times vng -r <kernel> --disable-kvm … -- true". */
const SECONDS = 9;
const RATIO = 0.5;
/** What `segproof run` gives a guest by default. */
const SHAPE = ['--cpus', String(CPUS.emulated), '--memory', `${DEFAULT_MEMORY}M`];
/** Folder of vng's guest that is shared with the host. */
const SHARE = '/mnt';
const POLL_MS = 20;
const PATIENCE_MS = 600_000;

const since = (started: number): number => (performance.now() - started) / 1000;

interface Boot {
  /** From the command to the agent's first word, and to the first case, in s. */
  readonly agent: number;
  readonly firstCase: number;
}

const journal = (folder: string): string => {
  try {
    return readFileSync(join(folder, 'journal.jsonl'), 'utf8');
  } catch {
    return '';
  }
};

/** The journal is synced before each batch of cases is sent, so it tells of the first one in time. */
async function bootSegproof(flags: Flags, fresh: boolean): Promise<Boot> {
  const base = mkdtempSync(join(tmpdir(), 'segproof-bench-'));
  const folder = join(base, 'results');
  const started = performance.now();
  const how = ['--no-kvm', ...(fresh ? ['--fresh'] : [])];
  const words = ['run', '--kernel', flags.kernel, ...how, '--format', 'json', '-o', folder, flags.case];
  const child = startSegproof(words);
  try {
    let agent: number | null = null;
    let firstCase: number | null = null;
    while (firstCase === null && !child.hasEnded() && since(started) * 1000 < PATIENCE_MS) {
      const text = journal(folder);
      if (agent === null && text.includes('"state":"running"')) agent = since(started);
      if (text.includes('"type":"case-start"')) firstCase = since(started);
      await sleep(POLL_MS);
    }
    if (agent === null || firstCase === null) {
      await child.stop();
      await child.ended([]);
      throw new MachineError('lost', 'segproof started no case and ended in peace');
    }
    await child.ended([0]);
    return { agent, firstCase };
  } finally {
    await child.stop();
    rmSync(base, { recursive: true, force: true });
  }
}

/**
 * In a PID namespace, since a killed vng leaves QEMU behind; through a pipe, since vng cannot reopen a socket; in /, since
 * its guest enters the current folder and dies where that is below one it mounts over (/tmp, /var/tmp, /run).
 *
 * Where the host has no udev, vng's guest finds no port to report its exit status by, and vng says 255 whatever happened.
 * So the command is not `true` but leaves a file in a shared folder, which costs one more 9p mount.
 */
async function bootVng(kernel: Kernel): Promise<number> {
  const vng = await vngCommand({ onProgress });
  const folder = mkdtempSync(join(tmpdir(), 'segproof-bench-'));
  try {
    const started = performance.now();
    const share = ['--rwdir', `${SHARE}=${folder}`];
    const words = [
      ...vng.argv,
      '-r',
      kernel.image,
      '--disable-kvm',
      ...SHAPE,
      ...share,
      '--',
      `touch ${SHARE}/ran`,
    ];
    await using tree = await spawnTree({
      command: ['bash', '-c', 'cd /; "$@" 3<&- 4>&- 2>&1 | cat', 'vng', ...words],
      env: { ...process.env, ...vng.env },
      namespaces: process.geteuid?.() === 0 ? [] : ['user'],
    });
    let said = '';
    tree.output.setEncoding('utf8').on('data', (chunk: string) => {
      said = (said + chunk).slice(-2000);
    });
    const deadline = setTimeout(() => void tree[Symbol.asyncDispose](), PATIENCE_MS);
    tree.go();
    await tree.ended;
    clearTimeout(deadline);
    if (!existsSync(join(folder, 'ran')))
      throw new MachineError('lost', `${words.join(' ')} did not run its command; it said:\n${said.trim()}`);
    return since(started);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The sides of the comparison; `fresh` boots, `woken` goes on from a guest that was frozen when it had booted. */
const TURNS = ['woken', 'fresh', 'vng'] as const;

async function compare(flags: Flags): Promise<number> {
  const kernel = await resolveKernel(flags.kernel, { onProgress });
  const { version } = await vngCommand({ onProgress });
  say(`${kernel.description} under TCG, CPUs: ${CPUS.emulated}, ${DEFAULT_MEMORY} MiB; virtme-ng ${version}`);
  // Once unmeasured: the boot files of a kernel are made, and its guest is frozen, when it is first booted.
  note(`to warm the cache: ${figure((await bootSegproof(flags, false)).firstCase)} s`);
  const own: Record<'woken' | 'fresh', Boot[]> = { woken: [], fresh: [] };
  const theirs: number[] = [];
  for (let at = 0; at < flags.repeat; at++) {
    for (const turn of at % 2 === 0 ? TURNS : TURNS.toReversed()) {
      note(await awaitQuiet(flags.quiet));
      if (turn === 'vng') theirs.push(await bootVng(kernel));
      else own[turn].push(await bootSegproof(flags, turn === 'fresh'));
    }
    const [woken, fresh] = [own.woken, own.fresh].map((all) => figure(all[at]?.firstCase ?? 0));
    note(`round ${at + 1}: woken ${woken} s, booted ${fresh} s, vng ${figure(theirs[at] ?? 0)} s`);
  }
  const claims = (['woken', 'fresh'] as const).flatMap((side) => {
    const firstCases = own[side].map(({ firstCase }) => firstCase);
    const ratios = firstCases.map((seconds, at) => seconds / (theirs[at] ?? NaN));
    const agents = own[side].map(({ agent }) => agent);
    const how = side === 'woken' ? 'from a frozen guest' : 'booted (--fresh)';
    say(`segproof run, ${how}`);
    say(`  to the agent's first word            ${spread(agents, ' s')}`);
    say(`  to the first case                    ${spread(firstCases, ' s')}`);
    say(`  of vng's time, within rounds         ${spread(ratios, ' x')}`);
    const seconds = median(firstCases);
    return [
      { text: `${how}: first case after at most ${SECONDS} s`, ok: seconds <= SECONDS },
      { text: `${how}: after at most ${RATIO} x of vng -- true`, ok: median(ratios) <= RATIO },
    ];
  });
  say(`vng, the whole of it                   ${spread(theirs, ' s')}`);
  return settle(claims, flags);
}

const command = benchmark(
  'boot',
  "From the command to the first case in a TCG guest, against virtme-ng's own `vng -r IMAGE -- true`.",
  3,
)
  .option('--kernel <kernel>', 'kernel of the guest', '6.12')
  .option('--case <selection>', 'what segproof is to run', 'udp-gso/table-loopback/one-byte-without-gso')
  .action(async (flags: Flags) => {
    process.exitCode = await compare(flags);
  });
await main(command);
