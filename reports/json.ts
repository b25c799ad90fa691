import type {
  ComparedPacket,
  BehaviourStatus,
  CaseResult,
  MachineState,
  RunEvent,
  Totals,
} from '../harness/contract/result.ts';
import { Collected, type TargetRecord } from './collect.ts';
import { createSink } from './sink.ts';
import type { View, ViewOptions } from './view.ts';

/** Name and version of the document; a change that breaks readers gets a new number. */
export const SCHEMA = 'segproof-results/1';

/** results.json: everything a run said, for programs. Described by results.schema.json. */
export interface ResultsDocument {
  readonly schema: typeof SCHEMA;
  readonly tool: string;
  readonly command: readonly string[];
  readonly folder: string;
  readonly started: string;
  /** null: the run did not come to its end. */
  readonly ended: string | null;
  readonly exit: number | null;
  readonly interrupted: boolean;
  readonly planned: number;
  readonly totals: Totals;
  readonly targets: readonly {
    readonly target: string;
    readonly release: string | null;
    readonly version: string | null;
    readonly upstream: string | null;
    readonly judgedAs: string | null;
    readonly states: readonly { readonly state: MachineState; readonly detail: string }[];
    readonly behaviours: readonly BehaviourStatus[];
  }[];
  /** Cases whose attempts came out differently: how often each outcome came. None of them counts as a pass. */
  readonly flaky: readonly {
    readonly target: string;
    readonly id: string;
    readonly outcomes: Readonly<Partial<Totals>>;
  }[];
  readonly notices: readonly { readonly target: string | null; readonly message: string }[];
  /** By target in the order asked for, then by id, then by attempt. */
  readonly results: readonly CaseResult[];
}

function behaviour(status: BehaviourStatus): BehaviourStatus {
  const { name, summary, commit, subject, since, stated, probed, judged, note } = status;
  const known = { name, summary, commit, subject, since, stated, probed, judged };
  return note === undefined ? known : { ...known, note };
}

function comparedPacket({ index, presence, atMs, fields }: ComparedPacket): ComparedPacket {
  return {
    index,
    presence,
    ...(atMs === undefined ? {} : { atMs }),
    fields: fields.map(({ name, expected, actual }) => ({ name, expected, actual })),
  };
}

/** Keys in a fixed order, whatever order the producer used: documents of two runs can be compared as text. */
function caseResult(result: CaseResult): CaseResult {
  return {
    id: result.id,
    suite: result.suite,
    target: result.target,
    outcome: result.outcome,
    reason: result.reason,
    rule: result.rule,
    source: result.source,
    where: place(result.where),
    checks: result.checks.map(({ name, ok, expected, actual, where, comparison }) => ({
      name,
      ok,
      expected,
      actual,
      ...(where === undefined ? {} : { where: place(where) }),
      ...(comparison === undefined ? {} : { comparison: comparison.map(comparedPacket) }),
    })),
    behaviours: result.behaviours,
    missing: result.missing.map(({ behaviour: name, commit, subject }) => ({
      behaviour: name,
      commit,
      subject,
    })),
    calls: result.calls,
    log: result.log,
    ...(result.fingerprint === undefined ? {} : { fingerprint: result.fingerprint }),
    durationMs: result.durationMs,
    attempt: result.attempt,
    ...(result.cut === undefined ? {} : { cut: result.cut }),
    rerun: result.rerun,
    evidence: result.evidence,
    ...(result.capture === undefined ? {} : { capture: result.capture }),
  };
}

function place({ file, line, column }: CaseResult['where']): CaseResult['where'] {
  return { file, line, column };
}

function sorted(target: TargetRecord): CaseResult[] {
  return [...target.attempts.values()].flat().sort((a, b) => {
    if (a.id !== b.id) return a.id < b.id ? -1 : 1;
    return a.attempt - b.attempt;
  });
}

/** The document of a run so far, without its results. */
function resultsHead(run: Collected): ResultsDocument {
  const { pass, fail, skip, xfail, xpass, error, timeout, crash } = run.totals();
  return {
    schema: SCHEMA,
    tool: run.start?.tool ?? '',
    command: run.start?.command ?? [],
    folder: run.start?.folder ?? '',
    started: run.start?.started ?? '',
    ended: run.end?.ended ?? null,
    exit: run.end?.exit ?? null,
    interrupted: run.end?.interrupted ?? true,
    planned: run.start?.planned ?? 0,
    totals: { pass, fail, skip, xfail, xpass, error, timeout, crash },
    targets: Array.from(run.targets.values(), ({ name, summary, states }) => ({
      target: name,
      release: summary?.release ?? null,
      version: summary?.version ?? null,
      upstream: summary?.upstream ?? null,
      judgedAs: summary?.judgedAs ?? null,
      states,
      behaviours: summary?.behaviours.map(behaviour) ?? [],
    })),
    flaky: [...run.finals()]
      .flatMap(({ target, id, flaky }) => (flaky ? [{ target, id, outcomes: flaky }] : []))
      .sort((a, b) => (`${a.target} ${a.id}` < `${b.target} ${b.id}` ? -1 : 1)),
    notices: run.notices,
    results: [],
  };
}

/** How `"results": []` ends the document without results. */
const TAIL = '[]\n}';

/** The text of the document of a run so far, in pieces: of fifty rounds it is longer than any one string can be. */
export function* resultsText(run: Collected): Generator<string> {
  const empty = printableJson(resultsHead(run), 2);
  yield empty.slice(0, -TAIL.length);
  let between = '[\n';
  for (const target of run.targets.values())
    for (const result of sorted(target)) {
      yield `${between}    ${printableJson(caseResult(result))}`;
      between = ',\n';
    }
  yield between === '[\n' ? `${TAIL}\n` : '\n  ]\n}\n';
}

/** Control, format and direction characters that JSON allows raw, but a terminal would obey or hide. */
const RAW = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu;

/** JSON that is safe to print: the same value, with such characters spelt as `\uXXXX`. */
export function printableJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(RAW, (character) =>
    character
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}

/** `--format json`: the whole document when the run is over. */
export function createJson(options: Pick<ViewOptions, 'out'>): View {
  const sink = createSink(options.out);
  const run = new Collected();
  return {
    event(event) {
      run.event(event);
    },
    async close() {
      if (run.start !== null) for (const piece of resultsText(run)) sink.write(piece);
      await sink.flush();
    },
  };
}

/** JSON Lines: every event as it comes, for tools that follow a run. */
export function createJsonLines(options: Pick<ViewOptions, 'out'>): View {
  const sink = createSink(options.out);
  return {
    event(event: RunEvent) {
      sink.write(`${printableJson(event)}\n`);
    },
    close: () => sink.flush(),
  };
}
