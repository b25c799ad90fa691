/** What the runner needs to know of the cases; harness/plan provides it. */
import type { Expectation, PlannedCase } from '../contract/expectation.ts';
import type { Program } from '../contract/program.ts';
import type { BehaviourStatus, Location } from '../contract/result.ts';
import type { Stated } from '../judge/behaviours.ts';

/** A variant as it is known before any target is: enough to report on it when its target never comes up. */
export interface VariantInfo {
  readonly id: string;
  readonly suite: string;
  readonly rule: string;
  readonly source: readonly string[];
  readonly tags: readonly string[];
  readonly where: Location;
}

/** A behaviour's question to the kernel; the evidence fits `has`, `lacks`, or neither. */
export interface Probe {
  readonly behaviour: string;
  readonly needs: readonly string[];
  readonly program: Program;
  readonly has: readonly Expectation[];
  readonly lacks: readonly Expectation[];
}

export interface BehaviourInfo {
  readonly name: string;
  readonly summary: string;
  readonly commit: string;
  readonly subject: string;
  readonly since: string;
}

export interface Planner {
  readonly variants: readonly VariantInfo[];
  /** Link kinds and capabilities that the variants or the probes ask for. */
  readonly needs: readonly string[];
  readonly behaviours: readonly BehaviourInfo[];
  /** Of behaviours that can matter to the variants. */
  readonly probes: readonly Probe[];
  /** Upstream version named by uname -r and -v, e.g. `6.1.148`; null when they name none. */
  upstream(release: string, version: string): string | null;
  /** `release`: uname -r, which says something where there is no upstream version. */
  stated(behaviour: string, upstream: string | null, release?: string): Stated;
  /** The variants in order, each planned when it is asked for. */
  plan(statuses: readonly BehaviourStatus[]): Iterable<PlannedCase>;
}
