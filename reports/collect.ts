import type {
  CaseResult,
  MachineState,
  RunEvent,
  TargetSummary,
  Totals,
} from '../harness/contract/result.ts';
import { settle } from '../harness/contract/settle.ts';
import { count } from './outcomes.ts';

type Event<T extends RunEvent['type']> = Extract<RunEvent, { type: T }>;

export interface TargetRecord {
  readonly name: string;
  state: MachineState | null;
  detail: string;
  /** Every state it went through, in order. */
  readonly states: { readonly state: MachineState; readonly detail: string }[];
  summary: TargetSummary | null;
  /** Cases handed to the machine and not yet ended, in order: the first one runs now. */
  readonly started: Set<string>;
  /** Every attempt at each case, by id. */
  readonly attempts: Map<string, [CaseResult, ...CaseResult[]]>;
  /** What the attempts at each case amount to, by id. */
  readonly results: Map<string, CaseResult>;
}

type Attempts = readonly [CaseResult, ...CaseResult[]];

/** The attempts at a case with one more, or with another end of one of them. */
function withAttempt(before: Attempts | undefined, result: CaseResult): [CaseResult, ...CaseResult[]] {
  if (before === undefined) return [result];
  const [first, ...others] = before;
  if (first.attempt === result.attempt) return [result, ...others];
  return [first, ...others.filter(({ attempt }) => attempt !== result.attempt), result];
}

/** What a run said so far, for views that show it as a whole. */
export class Collected {
  start: Event<'run-start'> | null = null;
  end: Event<'run-end'> | null = null;
  readonly targets = new Map<string, TargetRecord>();
  readonly notices: { readonly target: string | null; readonly message: string }[] = [];

  event(event: RunEvent): void {
    switch (event.type) {
      case 'run-start':
        this.start = event;
        for (const name of event.targets) this.target(name);
        break;
      case 'machine': {
        const target = this.target(event.target);
        target.state = event.state;
        target.detail = event.detail;
        target.states.push({ state: event.state, detail: event.detail });
        if (event.state !== 'running') target.started.clear();
        break;
      }
      case 'target':
        this.target(event.summary.target).summary = event.summary;
        break;
      case 'case-start':
        this.target(event.target).started.add(event.id);
        break;
      case 'case-end': {
        const target = this.target(event.result.target);
        target.started.delete(event.result.id);
        const { id } = event.result;
        const attempts = withAttempt(target.attempts.get(id), event.result);
        target.attempts.set(id, attempts);
        target.results.set(id, settle(attempts));
        break;
      }
      case 'run-resume':
        break;
      case 'notice':
        this.notices.push({ target: event.target, message: event.message });
        break;
      case 'run-end':
        this.end = event;
        break;
    }
  }

  target(name: string): TargetRecord {
    let target = this.targets.get(name);
    if (target === undefined) {
      target = {
        name,
        state: null,
        detail: '',
        states: [],
        summary: null,
        started: new Set(),
        attempts: new Map(),
        results: new Map(),
      };
      this.targets.set(name, target);
    }
    return target;
  }

  /** What came of all cases on all targets. */
  *finals(): Generator<CaseResult> {
    for (const target of this.targets.values()) yield* target.results.values();
  }

  /** The runner's totals; before the end, counted so far. */
  totals(): Totals {
    return this.end?.totals ?? count(this.finals());
  }

  /** Wall time of the run in ms; null before its end. */
  wallMs(): number | null {
    if (this.start === null || this.end === null) return null;
    return Date.parse(this.end.ended) - Date.parse(this.start.started);
  }

  /** Cases each target has to run; null when the plan is not the same for all. */
  plannedPerTarget(): number | null {
    if (this.start === null || this.start.targets.length === 0) return null;
    const share = this.start.planned / this.start.targets.length;
    return Number.isInteger(share) ? share : null;
  }
}
