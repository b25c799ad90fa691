import type { BehaviourStatus } from '../harness/contract/result.ts';
import type { Collected } from './collect.ts';
import type { Fold } from './fold.ts';
import type { BlockOptions } from './human-failure.ts';
import { type Cell, cells, matrix } from './matrix.ts';
import { count, STYLE, tally, WORD } from './outcomes.ts';
import { clip, clipMiddle, pad, plural, visible } from './text.ts';

/** Entries per list unless verbose. */
const SHORT = 10;

type Options = BlockOptions;

function limited(lines: readonly string[], options: Options, noun: string): string[] {
  if (options.verbose || lines.length <= SHORT) return [...lines];
  return [...lines.slice(0, SHORT), `  … and ${plural(lines.length - SHORT, noun)} more; -v shows all`];
}

function heading(text: string, options: Options): string {
  return options.paint('bold', text);
}

/** Failures by kind, unless they are few and all were shown. */
function folded(run: Collected, fold: Fold, options: Options): string[] {
  const kinds = fold.kinds(run.finals());
  if (kinds.every((kind) => kind.shown === kind.count) && kinds.length < 2) return [];
  const lines = kinds.flatMap((kind) => {
    const { first } = kind;
    const missing = first.missing.map(({ commit, subject }) => `missing ${commit} ${subject}`).join('; ');
    const why = visible(missing === '' ? (first.fingerprint ?? first.reason) : missing);
    const head = `${String(kind.count).padStart(5)} ${pad(WORD[first.outcome], 7)}`;
    const where = visible([...kind.targets].join(', '));
    return [
      options.paint(STYLE[first.outcome], head) + clip(`  ${why}`, options.columns - head.length),
      options.paint(
        'dim',
        clipMiddle(
          `      ${kind.count > 1 ? 'first: ' : ''}${visible(first.id)} on ${where}`,
          options.columns,
        ),
      ),
    ];
  });
  const hidden = kinds.reduce((sum, kind) => sum + kind.count - kind.shown, 0);
  const note = hidden > 0 ? `, ${hidden} of them not shown above; -v shows all` : '';
  return ['', heading(`Failures by reason${note}`, options), ...lines];
}

function skips(run: Collected, options: Options): string[] {
  const reasons = new Map<string, { count: number; targets: Set<string> }>();
  for (const result of run.finals()) {
    if (result.outcome !== 'skip') continue;
    const reason = reasons.get(result.reason) ?? { count: 0, targets: new Set() };
    reasons.set(result.reason, reason);
    reason.count++;
    reason.targets.add(result.target);
  }
  if (reasons.size === 0) return [];
  const lines = [...reasons]
    .sort(([, a], [, b]) => b.count - a.count)
    .map(([reason, { count, targets }]) => {
      const where = targets.size === run.targets.size ? '' : ` (${[...targets].join(', ')})`;
      return clip(`${String(count).padStart(5)}  ${visible(reason + where)}`, options.columns);
    });
  return ['', heading('Skipped', options), ...limited(lines, options, 'reason')];
}

const NOTES = [
  ['missing', 'lacks what its version must have:', 'bad'],
  ['backport', 'has more than its version says (backports):', 'good'],
  ['observation', 'observed, its version says nothing:', 'warn'],
  ['probe-unclear', 'gave an unclear answer to the probe of:', 'warn'],
] as const;

function behaviours(run: Collected, options: Options): string[] {
  const lines: string[] = [];
  for (const { name, summary } of run.targets.values()) {
    for (const [note, text, style] of NOTES) {
      const found = (summary?.behaviours ?? []).filter((status) => status.note === note);
      if (found.length === 0) continue;
      const as = summary?.judgedAs == null ? '' : `, judged as ${summary.judgedAs},`;
      const one = (status: BehaviourStatus): string => {
        const has = note === 'observation' ? (status.probed === 'has' ? 'has     ' : 'has not ') : '';
        return clip(
          `  ${visible(`${has}${status.name}  ${status.commit} ${status.subject}`)}`,
          options.columns,
        );
      };
      lines.push(options.paint(style, clip(`${visible(name)}${as} ${text}`, options.columns)));
      lines.push(...limited(found.map(one), options, 'behaviour'));
    }
  }
  return lines.length === 0 ? [] : ['', heading('Behaviours', options), ...lines];
}

/** Attempts that came out differently: a retry is never invisible, and luck is no pass. */
function flaky(run: Collected, options: Options): string[] {
  const lines = [...run.finals()].flatMap((result) => {
    if (result.flaky === undefined) return [];
    const told = tally({ ...count([]), ...result.flaky }).join(', ');
    return [clipMiddle(`  ${visible(`${told}: ${result.id} on ${result.target}`)}`, options.columns)];
  });
  if (lines.length === 0) return [];
  return [
    '',
    heading('Flaky: of several attempts the gravest counts', options),
    ...limited(lines, options, 'case'),
  ];
}

function duration(ms: number): string {
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** A heading and coloured items, broken between items where the line would be too long. */
function flow(head: string, items: readonly Cell[], options: Options): string[] {
  const lines = [{ text: options.paint('bold', head), width: head.length }];
  items.forEach(({ text, style }, index) => {
    const item = index < items.length - 1 ? `${text},` : text;
    const painted = options.paint(style, text) + item.slice(text.length);
    const line = lines.at(-1);
    if (line !== undefined && line.width + 1 + item.length <= options.columns) {
      line.text += ` ${painted}`;
      line.width += 1 + item.length;
    } else lines.push({ text: `  ${painted}`, width: 2 + item.length });
  });
  return lines.map(({ text }) => text);
}

function totals(run: Collected, options: Options): string[] {
  const done = [...run.finals()].length;
  const planned = run.start?.planned ?? done;
  const counts = [...cells(run.totals())];
  if (planned > done) counts.push({ text: `${planned - done} not run`, style: 'warn' });
  const wall = run.wallMs();
  const time = wall === null ? '' : ` in ${duration(wall)}`;
  const interrupted = run.end?.interrupted === true ? ' (interrupted)' : '';
  const head = `${plural(planned, 'case')} on ${plural(run.targets.size, 'target')}${time}${interrupted}:`;
  const lines = flow(head, counts, options);
  const folder = run.start?.folder ?? '';
  if (folder !== '') lines.push(`results  ${visible(folder)}`);
  return ['', ...lines];
}

/** Everything below the failures: matrix, reasons, behaviours, totals. */
export function summary(run: Collected, fold: Fold, options: Options): string[] {
  return [
    ...folded(run, fold, options),
    ...skips(run, options),
    ...behaviours(run, options),
    ...flaky(run, options),
    '',
    ...matrix(run, options),
    ...totals(run, options),
  ];
}
