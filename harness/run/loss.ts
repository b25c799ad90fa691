/** Why a machine was lost, as far as its console and its last words tell. */
import type { Outcome } from '../contract/result.ts';
import { findSplat } from '../judge/splat.ts';
import { MachineError } from '../../vm/machine.ts';
import { Silence } from './session.ts';

export interface Loss {
  readonly outcome: Extract<Outcome, 'crash' | 'timeout' | 'error'>;
  readonly reason: string;
  /** Names the crash across runs. */
  readonly fingerprint?: string;
  /** What the kernel said on its console since the survey; '' where there is none. */
  readonly console: string;
}

/** Explains what ended a machine; anything that is no trouble of a machine is thrown on. */
export function explainLoss(problem: unknown, console: string): Loss {
  const splat = findSplat(console.split(/\r?\n/));
  if (splat?.grave === true) {
    const { kind, line, fingerprint } = splat;
    const what = kind === 'panic' ? 'the guest panicked' : 'the kernel broke';
    return { outcome: 'crash', reason: `${what}: ${line}`, fingerprint, console };
  }
  if (problem instanceof Silence)
    return { outcome: 'timeout', reason: `the machine hangs: ${problem.message}`, console };
  if (!(problem instanceof MachineError)) throw problem;
  // mm/oom_kill.c
  const starved = /Out of memory.*: Killed process \d+ \([^)]*\)/.exec(console)?.[0];
  if (starved !== undefined)
    return { outcome: 'error', reason: `the guest ran out of memory: ${starved}`, console };
  const { trouble, message, advice } = problem;
  const outcome = trouble === 'crash' ? 'crash' : trouble === 'boot-timeout' ? 'timeout' : 'error';
  return { outcome, reason: [message, advice].filter((text) => text !== '').join('; '), console };
}
