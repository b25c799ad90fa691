/** How fast a machine is, and what deadlines follow from that. */
import type { Hello } from '../contract/protocol.ts';
import type { Program } from '../contract/program.ts';

/**
 * What the agent's calibration loop takes in ns on the slowest machine that the planner's deadlines suit. A server core takes
 * 1 ms, an emulated one whose V8 interprets 90 ms.
 */
const REFERENCE_NS = 12_500_000;
/** Beyond this a machine is taken for broken rather than slow. */
const MOST = 60;
/** Added to a case's own deadline before its machine is given up for dead, in ms at the usual speed. */
const GRACE_MS = 20_000;
const MOST_GRACE_MS = 120_000;

export class Pace {
  /** 1 for a machine of usual speed or a faster one, 7 for one that is 7 times slower than the slowest of these. */
  readonly factor: number;

  readonly #silenceMs: number | undefined;

  /** @param silenceMs longest silence in ms in place of what the machine's speed suggests */
  constructor(hello: Pick<Hello, 'slowness'>, silenceMs?: number) {
    this.#silenceMs = silenceMs;
    this.factor = Math.min(MOST, Math.max(1, hello.slowness / REFERENCE_NS));
  }

  /** The program with the deadline that the agent itself keeps. */
  program(program: Program): Program {
    return { ...program, deadlineMs: this.#caseMs(program) };
  }

  /** Longest silence in ms while this program runs: the agent must have answered, if only with a timeout. */
  silenceMs(program: Program): number {
    return this.#silenceMs ?? this.#caseMs(program) + this.graceMs;
  }

  /** Longest wait in ms for an answer that costs the agent nothing. */
  get graceMs(): number {
    if (this.#silenceMs !== undefined) return this.#silenceMs;
    return Math.min(MOST_GRACE_MS, Math.round(GRACE_MS * Math.sqrt(this.factor)));
  }

  #caseMs(program: Program): number {
    return Math.round(program.deadlineMs * this.factor);
  }
}
