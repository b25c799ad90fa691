/** Outcomes and the one stream of events from the runner to every view. Views compute no verdicts. */

export type Outcome = 'pass' | 'fail' | 'skip' | 'xfail' | 'xpass' | 'error' | 'timeout' | 'crash';

/** A place in a file the user wrote; line and column count from 1. */
export interface Location {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One field of a packet as it must be and as it was seen, in one notation; equal texts: it is right. */
export interface ComparedField {
  readonly name: string;
  readonly expected: string;
  readonly actual: string;
}

/** One packet of two lists side by side. */
export interface ComparedPacket {
  /** From 0. */
  readonly index: number;
  /** `missing`: expected and not seen; `surplus`: seen and not expected. */
  readonly presence: 'both' | 'missing' | 'surplus';
  /** When the one seen passed, in ms since the case's first send. */
  readonly atMs?: number;
  /** In the order they are shown; those that neither side has are left out. */
  readonly fields: readonly ComparedField[];
}

/** One planned check and what came of it. `expected` and `actual` are in one notation. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** Allowed outcomes, one per line of the report. */
  readonly expected: readonly string[];
  readonly actual: string;
  /** Where the expectation is written. */
  readonly where?: Location;
  /** A failed comparison of packets: both lists side by side, about the first difference. */
  readonly comparison?: readonly ComparedPacket[];
}

/** How a behaviour stands on a target: DESIGN's table. */
export interface BehaviourStatus {
  readonly name: string;
  readonly summary: string;
  readonly commit: string;
  readonly subject: string;
  /** First mainline version with it. */
  readonly since: string;
  /** What the version says. */
  readonly stated: 'must-have' | 'must-not-have' | 'unknown';
  /** What the kernel did. `unclear`: the probe matched neither answer. */
  readonly probed: 'has' | 'has-not' | 'unclear' | 'not-probed';
  /** What the cases are judged by. */
  readonly judged: boolean;
  readonly note?: 'missing' | 'backport' | 'observation' | 'probe-unclear';
}

export interface CaseResult {
  readonly id: string;
  readonly suite: string;
  readonly target: string;
  readonly outcome: Outcome;
  /** One line: why it is not `pass`. Empty on pass. */
  readonly reason: string;
  readonly rule: string;
  readonly source: readonly string[];
  readonly where: Location;
  readonly checks: readonly Check[];
  /** Behaviours that decided the expectation; for a failure, those missing come with their commit. */
  readonly behaviours: readonly string[];
  readonly missing: readonly {
    readonly behaviour: string;
    readonly commit: string;
    readonly subject: string;
  }[];
  /** System calls, strace-like. Left to the evidence, like the checks, for an attempt after the first that passed. */
  readonly calls: readonly string[];
  /** Kernel log lines of this case; null when unreadable. */
  readonly log: readonly string[] | null;
  readonly fingerprint?: string;
  readonly durationMs: number;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** There is no record of its end: `lost`, its machine went down in it; `not-run`, its turn never came. */
  readonly cut?: 'lost' | 'not-run';
  /** Set on the one result that stands for several attempts which differ: how often each outcome came. */
  readonly flaky?: Partial<Totals>;
  /** Command that reruns just this case. */
  readonly rerun: string;
  /** Path of its evidence inside the results folder. */
  readonly evidence: string;
  /** Path of what its captures saw, as pcapng, inside the results folder; only of a case that did not pass. */
  readonly capture?: string;
}

export type MachineState = 'fetching' | 'booting' | 'surveying' | 'running' | 'lost' | 'done';

export interface TargetSummary {
  readonly target: string;
  readonly release: string;
  readonly version: string;
  /** Upstream version it is judged as, e.g. `6.1.148`; null when unknown. */
  readonly upstream: string | null;
  readonly judgedAs: string | null;
  readonly behaviours: readonly BehaviourStatus[];
}

export type Totals = Readonly<Record<Outcome, number>>;

export type RunEvent =
  | {
      readonly type: 'run-start';
      readonly tool: string;
      readonly started: string;
      readonly command: readonly string[];
      readonly folder: string;
      readonly targets: readonly string[];
      readonly planned: number;
    }
  | {
      readonly type: 'machine';
      readonly target: string;
      readonly state: MachineState;
      readonly detail: string;
    }
  /** In the journal only: from here on another process went on with the run; `left` cases had no end yet. */
  | { readonly type: 'run-resume'; readonly resumed: string; readonly left: number }
  | { readonly type: 'target'; readonly summary: TargetSummary }
  | { readonly type: 'case-start'; readonly target: string; readonly id: string }
  /** A second one with the same attempt takes the place of the first. */
  | { readonly type: 'case-end'; readonly result: CaseResult }
  | { readonly type: 'notice'; readonly target: string | null; readonly message: string }
  | {
      readonly type: 'run-end';
      readonly ended: string;
      readonly totals: Totals;
      readonly exit: number;
      readonly interrupted: boolean;
    };
