/** What a `run` command line decides, as it is kept in the results folder, and taken from there to resume. */
import { resolve } from 'node:path';
import type { Choices } from '../run/plan-file.ts';
import { shardFromEnvironment, type GivenShard } from '../run/shard.ts';
import { EXIT, UserError } from './exit.ts';
import type { RunFlags } from './program.ts';

/** The choices of a command line. Paths are made absolute: a run may be resumed from another folder. */
export function choicesOf(selection: readonly string[], flags: RunFlags): Choices {
  const { kernel, kernelArg, kvm, cpus, memory, unverified, suite, judgeAs, endpoint, repeat, untilFail } =
    flags;
  return {
    selection,
    kernel: kernel.map((spec) => (/^\.{0,2}\//.test(spec) ? resolve(spec) : spec)),
    kernelArg,
    kvm,
    suite: suite.map((file) => resolve(file)),
    ...(cpus === undefined ? {} : { cpus }),
    ...(memory === undefined ? {} : { memory }),
    ...(unverified === undefined ? {} : { unverified }),
    ...(judgeAs === undefined ? {} : { judgeAs }),
    ...(endpoint === undefined ? {} : { endpoint: endpoint.includes('/') ? resolve(endpoint) : endpoint }),
    ...(repeat === undefined ? {} : { repeat }),
    ...(untilFail === undefined ? {} : { untilFail }),
  };
}

/** Refuses what would make the rest of a run another run. */
export function requireBareResume(selection: readonly string[], flags: RunFlags): void {
  const given = [
    selection.length > 0 && 'a selection',
    flags.kernel.length > 0 && '--kernel',
    flags.kernelArg.length > 0 && '--kernel-arg',
    flags.suite.length > 0 && '--suite',
    flags.cpus !== undefined && '--cpus',
    flags.memory !== undefined && '--memory',
    flags.unverified === true && '--unverified',
    flags.judgeAs !== undefined && '--judge-as',
    flags.endpoint !== undefined && '--endpoint',
    flags.repeat !== undefined && '--repeat',
    flags.untilFail !== undefined && '--until-fail',
    flags.shard !== undefined && '--shard',
    flags.output !== undefined && '--output',
    flags.profile !== undefined && '--profile',
    flags.project !== undefined && '--project',
    flags.dryRun !== undefined && '--dry-run',
    flags.memory !== undefined && '--memory',
    flags.unverified !== undefined && '--unverified',
    !flags.kvm && '--no-kvm',
  ].filter((name) => name !== false);
  if (given.length > 0)
    throw new UserError(
      EXIT.usage,
      `--resume goes on with the run as it was begun: ${given.join(', ')} cannot be given`,
      'leave that out, or start a new run without --resume',
    );
}

/** The shard to run: `--shard` wins over the CI system's variables. */
export function shardOf(flags: Pick<RunFlags, 'shard'>): GivenShard | null {
  if (flags.shard) return { ...flags.shard, by: '--shard' };
  return shardFromEnvironment(process.env);
}
