import fc from 'fast-check';
import { test } from 'tap';
import type { CaseResult, RunEvent } from '../harness/contract/result.ts';
import { fakeResult, fakeRun, fakeTarget } from './fixtures.ts';
import { formatBehaviours } from './behaviours.ts';
import { formatExplain } from './explain.ts';
import { golden, shown } from './golden.ts';
import { createHuman } from './human.ts';
import { formatIds, formatList } from './list.ts';
import { clip, clipMiddle, visible, width, wrap } from './text.ts';

const events = fakeRun();
const anyText = fc.array(fc.integer({ min: 0, max: 0xffff })).map((codes) => String.fromCharCode(...codes));

/** A run of these results on one target. */
function runOf(results: readonly CaseResult[], targets: readonly string[] = ['6.1']): RunEvent[] {
  const totals = { pass: 0, fail: 0, skip: 0, xfail: 0, xpass: 0, error: 0, timeout: 0, crash: 0 };
  for (const { outcome } of results) totals[outcome]++;
  const started = '2026-01-02T03:04:05.000Z';
  return [
    {
      type: 'run-start',
      tool: 'segproof 0.1.0',
      started,
      command: [],
      folder: 'results/x',
      targets,
      planned: results.length,
    },
    ...results.map((result): RunEvent => ({ type: 'case-end', result })),
    { type: 'run-end', ended: '2026-01-02T03:05:35.000Z', totals, exit: 1, interrupted: false },
  ];
}

test('the report is as the golden files have it, at 80 and 120 columns', async (t) => {
  for (const columns of [80, 120]) {
    const { out, err } = await shown(createHuman, events, { columns });
    t.equal(out, golden(`human-${columns}.golden.txt`, out));
    t.equal(err, golden(`progress-${columns}.golden.txt`, err));
  }
});

test('only what is there to be copied is longer than the terminal is wide', async (t) => {
  for (const columns of [60, 80, 100, 120]) {
    const { out, err } = await shown(createHuman, events, { columns, verbose: true });
    const long = (out + err)
      .split('\n')
      .filter((line) => width(line) > columns && !/^ {2}(rerun|evidence|at) /.test(line));
    t.strictSame(long, [], `${columns} columns`);
  }
});

test('colour is used only when told', async (t) => {
  const plain = await shown(createHuman, events);
  t.notMatch(plain.out + plain.err, '\u001b');
  const coloured = await shown(createHuman, events, { colour: true });
  // eslint-disable-next-line no-control-regex -- the colours
  t.equal(coloured.out.replaceAll(/\u001b\[\d+m/g, ''), plain.out, 'colour changes nothing else');
});

test('a failure says everything that is needed to look into it', async (t) => {
  const result = fakeResult({
    id: 'udp-gso/limits/over[family=ipv4]',
    target: '6.1',
    outcome: 'fail',
    missing: [{ behaviour: 'b', commit: '235174b2bed8', subject: 'udp: gso: do it' }],
  });
  const { out } = await shown(createHuman, runOf([result]));
  for (const text of [
    'FAIL    udp-gso/limits/over[family=ipv4]',
    'target    6.1',
    'rule      More than',
    'at        suites/udp-gso/limits.yaml:26:15',
    'expected  -1 EINVAL',
    'actual    129',
    'missing   235174b2bed8 udp: gso: do it (b)',
    'sendmsg(5, {name=10.0.0.1:9000, iov=[129], control=[UDP_SEGMENT 1]}, 0) = 129',
    "rerun     ./segproof run 'udp-gso/limits/over[family=ipv4]' --kernel 6.1",
    'evidence  results/x/6.1/udp-gso/limits/over[family=ipv4]/evidence.json',
    '1 case on 1 target in 1 min 30 s: 1 FAIL',
  ]) {
    t.match(out, text);
  }
});

test('many failures of one kind are folded and counted, and -v shows all', async (t) => {
  const many = Array.from({ length: 300 }, (_, size) =>
    fakeResult({ id: `a/b/c[size=${size}]`, target: '6.1', outcome: 'fail', reason: `expected ${size}` }),
  );
  const folded = (await shown(createHuman, runOf(many))).out;
  t.equal(folded.match(/^FAIL /gm)?.length, 2);
  t.match(folded, 'Failures by reason, 298 of them not shown above; -v shows all');
  t.match(folded, /^ {2}300 FAIL {5}expected 0$/m);
  const all = (await shown(createHuman, runOf(many), { verbose: true })).out;
  t.equal(all.match(/^FAIL /gm)?.length, 300);
});

test('a different kind of failure is shown in full after any number of others', async (t) => {
  const kinds = Array.from({ length: 60 }, (_, kind) =>
    fakeResult({
      id: `a/b/c[kind=${kind}]`,
      target: '6.1',
      outcome: 'fail',
      reason: 'k'.repeat(kind + 1),
    }),
  );
  const { out } = await shown(createHuman, runOf([...kinds, ...kinds]));
  t.equal(out.match(/^FAIL /gm)?.length, 60);
});

test('the matrix is cut into several where the targets do not fit side by side', async (t) => {
  const targets = Array.from({ length: 14 }, (_, index) => `kernel-6.${index}`);
  const results = targets.map((target) => fakeResult({ id: 'udp-gso/mtu/a', target, outcome: 'pass' }));
  const { out } = await shown(createHuman, runOf(results, targets), { columns: 80 });
  t.equal(out.match(/^udp-gso\/mtu/gm)?.length, 3);
  for (const target of targets) t.match(out, ` ${target}`);
});

test('cases that did not run are counted', async (t) => {
  const cut = await shown(createHuman, events.slice(0, 30));
  t.match(cut.out, /32 cases on 2 targets: .*\d+ not run/s);
});

test('on a terminal the live area never scrolls and leaves nothing behind', async (t) => {
  const { err } = await shown(createHuman, events, { tty: true, columns: 80 });
  let row = 0;
  let lowest = 0;
  // eslint-disable-next-line no-control-regex -- the cursor movements
  for (const [piece, up] of err.matchAll(/\u001b\[(\d+)A\u001b\[J|[^\n\u001b]*\n/g)) {
    if (up !== undefined) row -= Number(up);
    else {
      t.ok(width(piece.trimEnd()) <= 80);
      row++;
      if (/^(5|6)\.\d+: |^KVM/.test(piece)) lowest = row;
    }
    t.ok(row >= lowest, 'notices above the area are not erased');
  }
  t.equal(row, lowest, 'all that stays are the notices');
  t.match(err, /case \d+ of 16/);
});

test('progress redraws are throttled by the clock', async (t) => {
  const still = await shown(createHuman, events, { tty: true, now: () => 1000, columns: 80 });
  const moving = await shown(createHuman, events, { tty: true, columns: 80 });
  const draws = (text: string): number => text.split('booting').length + text.split('running').length;
  t.ok(draws(still.err) < draws(moving.err));
});

test('behaviours, list and explain are as the golden files have them', (t) => {
  const options = { colour: false, columns: 100 };
  const behaviours = formatBehaviours(fakeTarget('5.10', '7.3'), options);
  t.equal(behaviours, golden('behaviours.golden.txt', behaviours));
  const suites = [
    {
      name: 'udp-gso/limits',
      title: 'What one UDP_SEGMENT send may carry \u001b[31m',
      tags: ['core'],
      cases: [
        { name: 'over', rule: 'Too many are refused.', tags: [], ids: ['udp-gso/limits/over[a=1]', 'b'] },
        { name: 'a-longer-name', rule: 'r'.repeat(200), tags: ['slow'], ids: ['c'] },
      ],
    },
  ];
  const list = formatList(suites, options);
  t.equal(list, golden('list.golden.txt', list));
  t.equal(formatIds(suites), 'udp-gso/limits/over[a=1]\nb\nc\n');
  const explained = formatExplain(
    {
      title: 'udp-gso/limits/over[a=1] on 6.1',
      sections: [
        { heading: 'rule', lines: ['More than UDP_MAX_SEGMENTS segments are refused.'] },
        { heading: 'empty', lines: [] },
        {
          heading: 'steps',
          lines: ['send', '  expect -1 EINVAL', `  bytes ${'9 '.repeat(100)}`, '\u001b[2J'],
        },
      ],
    },
    { colour: false, columns: 80 },
  );
  t.equal(explained, golden('explain.golden.txt', explained));
  t.end();
});

test('visible text has no character that is not plainly printable', (t) => {
  fc.assert(
    fc.property(anyText, (text) => {
      const shownText = visible(text);
      return !/[\p{C}\p{Zl}\p{Zp}\p{M}]/u.test(shownText) && visible(shownText) === shownText;
    }),
  );
  t.end();
});

test('wrapped and clipped text fits, and wrapping loses nothing but blanks', (t) => {
  fc.assert(
    fc.property(anyText, fc.integer({ min: 2, max: 120 }), (text, columns) => {
      const plain = visible(text);
      const lines = wrap(plain, columns);
      return (
        lines.every((line) => width(line) <= columns) &&
        lines.join('').replaceAll(' ', '') === plain.replaceAll(' ', '') &&
        width(clip(plain, columns)) <= columns &&
        width(clipMiddle(plain, columns)) <= columns
      );
    }),
  );
  t.end();
});
