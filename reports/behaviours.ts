import type { BehaviourStatus, TargetSummary } from '../harness/contract/result.ts';
import { painter, type Paint } from './paint.ts';
import { table, type TextCell } from './table.ts';
import { clip, plural, visible } from './text.ts';

export interface TextOptions {
  readonly colour: boolean;
  /** Width in columns. */
  readonly columns: number;
}

const STATED = { 'must-have': 'must have', 'must-not-have': 'must not', unknown: 'unknown' } as const;
const PROBED = { has: 'has', 'has-not': 'has not', unclear: 'unclear', 'not-probed': '-' } as const;
const NOTE = {
  missing: ['missing', 'bad'],
  backport: ['backport', 'good'],
  observation: ['observed', 'warn'],
  'probe-unclear': ['unclear', 'warn'],
} as const;

function row(status: BehaviourStatus): TextCell[] {
  const [note, style] = status.note === undefined ? ['', 'dim' as const] : NOTE[status.note];
  return [
    { text: visible(status.name) },
    { text: STATED[status.stated] },
    { text: PROBED[status.probed] },
    { text: status.judged ? 'with' : 'without' },
    { text: visible(status.commit), style: 'dim' },
    { text: visible(status.since), style: 'dim' },
    { text: note, style },
  ];
}

function heading(summary: TargetSummary, paint: Paint, columns: number): string[] {
  const judged = summary.judgedAs === null ? '' : `, judged as ${summary.judgedAs}`;
  const upstream = summary.upstream === null ? 'upstream version unknown' : `upstream ${summary.upstream}`;
  return [
    paint(
      'bold',
      clip(visible(`${summary.target}: Linux ${summary.release}, ${upstream}${judged}`), columns),
    ),
    paint('dim', clip(visible(summary.version), columns)),
  ];
}

/** The commits a kernel would need to do what the version it is judged as does. */
function needed(summary: TargetSummary, paint: Paint, columns: number): string[] {
  const missing = summary.behaviours.filter(({ note }) => note === 'missing');
  const as = summary.judgedAs ?? summary.upstream ?? 'its version';
  if (missing.length === 0) return [clip(visible(`lacks nothing that ${as} has`), columns)];
  return [
    paint('bad', clip(visible(`needs ${plural(missing.length, 'commit')} to do what ${as} does:`), columns)),
    ...table(
      missing.map(({ commit, since, subject, name }) => [
        { text: visible(commit) },
        { text: visible(since), style: 'dim' },
        { text: visible(`${subject} (${name})`) },
      ]),
      { paint, columns, indent: 2 },
    ),
  ];
}

/** What a kernel has and lacks, stated by its version and probed, with commits: `segproof behaviours`. */
export function formatBehaviours(summary: TargetSummary, options: TextOptions): string {
  const paint = painter(options.colour);
  const heads = ['behaviour', 'stated', 'probed', 'judged', 'commit', 'since', 'note'];
  const rows = table(
    [heads.map((text) => ({ text, style: 'bold' as const })), ...summary.behaviours.map(row)],
    {
      paint,
      columns: options.columns,
    },
  );
  const { columns } = options;
  return [...heading(summary, paint, columns), '', ...rows, '', ...needed(summary, paint, columns), ''].join(
    '\n',
  );
}
