/** Turns `--kernel` words into targets: the running kernel, or guests with a kernel that was found or fetched. */
import { availableParallelism } from 'node:os';
import type { RunTargetOptions } from '../run/run.ts';
import type { GuestOptions, Standalone } from '../../vm/guest.ts';
import type { Kernel, KernelOptions } from '../../vm/kernels/types.ts';
import { DEFAULT_MEMORY } from '../../vm/guest/command.ts';
import { runningKernel } from '../../vm/running.ts';
import type { MachineSource } from '../../vm/machine.ts';
import type { Keeper } from './keep.ts';
import { LineWriter } from './line-writer.ts';
import type { MachineFlags } from './machine-commands.ts';
import { FetchProgress } from './progress.ts';

/** Longest time to the agent's first word, in ms: a guest under TCG on a busy machine may need most of it. */
const RUNNING_BOOT_MS = 30_000;
const GUEST_BOOT_MS = 180_000;

/** What targets need besides the flags. */
export interface TargetNeeds {
  /** All that guests need of this machine; without it they see its whole root. */
  readonly standalone?: Standalone | undefined;
  readonly keeper?: Keeper | undefined;
  /** Told what holds for all guests of this host and could surprise; by default people are, once. */
  readonly onNote?: (note: string) => void;
}

/** The targets of a command line, in its order, each once; what is missing for them is fetched. */
export async function targetsOf(flags: MachineFlags, needs: TargetNeeds = {}): Promise<RunTargetOptions[]> {
  const specs = flags.kernel.length === 0 ? ['running'] : [...new Set(flags.kernel)];
  const progress = new FetchProgress(specs.filter((spec) => spec !== 'running'));
  const targets: RunTargetOptions[] = [];
  for (const spec of specs)
    targets.push(spec === 'running' ? runningTarget : await guest(spec, flags, needs, progress));
  return targets;
}

export const runningTarget: RunTargetOptions = {
  source: runningKernel,
  upstream: null,
  bootMs: RUNNING_BOOT_MS,
};

/** What a guest for this kernel is made of. What of the machine's programs is missing is told before anything is fetched. */
export async function guestOptions(
  spec: string,
  flags: MachineFlags,
  onNote: (note: string) => void = sayOnce,
  progress = new FetchProgress([spec]),
): Promise<GuestOptions & { readonly kernel: Kernel }> {
  const { resolveKernel } = await import('../../vm/kernels/resolve.ts');
  const { vngCommand } = await import('../../vm/virtme.ts');
  const { offline = false, unverified = false } = flags;
  const kernel = await progress.during(spec, async (shown): Promise<Kernel> => {
    const options: KernelOptions = { ...shown, offline, unverified };
    await vngCommand(options);
    return resolveKernel(spec, options);
  });
  const console = new LineWriter(process.stderr, `${kernel.name}| `);
  return {
    kernel,
    accel: flags.kvm ? 'auto' : 'tcg',
    fresh: flags.fresh ?? false,
    kernelArguments: flags.kernelArg,
    onNote,
    ...(flags.cpus === undefined ? {} : { cpus: flags.cpus }),
    ...(flags.memory === undefined ? {} : { memory: flags.memory }),
    ...(flags.verbose === true
      ? {
          onConsole: (text) => {
            console.write(text);
          },
        }
      : {}),
  };
}

async function guest(
  spec: string,
  flags: MachineFlags,
  { keeper, onNote, standalone }: TargetNeeds,
  progress: FetchProgress,
): Promise<RunTargetOptions> {
  // Loaded only for guests: the running kernel is judged in less time than all of this takes to read.
  const { guestMachine } = await import('../../vm/guest.ts');
  const options = await guestOptions(spec, flags, onNote, progress);
  const make = (more: Partial<GuestOptions> = {}): MachineSource => guestMachine({ ...options, ...more });
  const source = keeper?.source(options.kernel.name, make) ?? make({ standalone });
  return { source, upstream: options.kernel.upstream, bootMs: GUEST_BOOT_MS };
}

const said = new Set<string>();

/** What holds for every guest of this host is of interest once. */
function sayOnce(note: string): void {
  if (!said.has(note)) process.stderr.write(`segproof: ${note}\n`);
  said.add(note);
}

/**
 * Guests that fit at the same time: one more than there are cores, as each waits a tenth of its time (for launch times, for the
 * disk when it is woken), and each with its memory free; at least one.
 */
export function defaultJobs(): number {
  const room = Math.floor(process.availableMemory() / (DEFAULT_MEMORY * 1024 * 1024));
  return Math.max(1, Math.min(availableParallelism() + 1, room));
}
