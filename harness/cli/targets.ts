/** Turns `--kernel` words into targets: the running kernel, or guests with a kernel that was found or fetched. */
import { cpus, freemem } from 'node:os';
import type { RunTargetOptions } from '../run/run.ts';
import { runningKernel } from '../../vm/running.ts';
import { toStderr } from './progress.ts';
import type { RunFlags } from './program.ts';

/** Longest time to the agent's first word, in ms: a guest under TCG on a busy machine may need most of it. */
const RUNNING_BOOT_MS = 30_000;
const GUEST_BOOT_MS = 180_000;

/** The targets of a command line, in its order, each once. */
export async function targetsOf(
  flags: Pick<RunFlags, 'kernel' | 'kernelArg' | 'kvm'>,
): Promise<RunTargetOptions[]> {
  const specs = flags.kernel.length === 0 ? ['running'] : [...new Set(flags.kernel)];
  const targets: RunTargetOptions[] = [];
  for (const spec of specs) targets.push(spec === 'running' ? runningTarget : await guest(spec, flags));
  return targets;
}

export const runningTarget: RunTargetOptions = {
  source: runningKernel,
  upstream: null,
  bootMs: RUNNING_BOOT_MS,
};

async function guest(spec: string, flags: Pick<RunFlags, 'kernelArg' | 'kvm'>): Promise<RunTargetOptions> {
  // Loaded only for guests: the running kernel is judged in less time than all of this takes to read.
  const [{ guestMachine }, { resolveKernel }] = await Promise.all([
    import('../../vm/guest.ts'),
    import('../../vm/kernels/resolve.ts'),
  ]);
  const kernel = await resolveKernel(spec, toStderr);
  return {
    source: guestMachine({ kernel, accel: flags.kvm ? 'auto' : 'tcg', kernelArguments: flags.kernelArg }),
    upstream: kernel.upstream,
    bootMs: GUEST_BOOT_MS,
  };
}

/** Guests that fit at the same time: one per core, and half a gibibyte of free memory each; at least one. */
export function defaultJobs(): number {
  return Math.max(1, Math.min(cpus().length, Math.floor(freemem() / (512 * 1024 * 1024))));
}
