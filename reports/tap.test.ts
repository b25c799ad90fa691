import fc from 'fast-check';
import { Parser, type Result } from 'tap-parser';
import { test } from 'tap';
import type { RunEvent } from '../harness/contract/result.ts';
import { fakeResult, fakeRun, HOSTILE } from './fixtures.ts';
import { golden, shown } from './golden.ts';
import { createTap } from './tap.ts';

interface Parsed {
  readonly count: number;
  readonly bailout: string | boolean;
  readonly failures: readonly { readonly tapError?: unknown }[];
  readonly problems: readonly string[];
  readonly points: readonly Result[];
}

/** Reads TAP strictly; `problems` are breaches of the format, at any depth. */
function parse(text: string): Parsed {
  const problems: string[] = [];
  const points: Result[] = [];
  const watch = (parser: Parser): void => {
    parser.on('assert', (point: Result) => {
      if (point.tapError !== null) problems.push(`${point.name}: ${point.tapError}`);
      if (parser.level > 0) points.push(point);
    });
    parser.on('extra', (extra: string) => problems.push(`not TAP: ${extra}`));
    parser.on('complete', (final: { failures: readonly { tapError?: unknown }[] }) => {
      for (const failure of final.failures) {
        if (failure.tapError != null) problems.push(JSON.stringify(failure.tapError));
      }
    });
    parser.on('child', watch);
  };
  const parser = new Parser({ strict: true });
  watch(parser);
  parser.end(text);
  const { count, bailout, failures } = parser.results ?? { count: 0, bailout: false, failures: [] };
  return { count, bailout, failures, problems, points };
}

const events = fakeRun();
const { out } = await shown(createTap, events);

test('the stream is as the golden file has it', (t) => {
  t.equal(out, golden('run.golden.tap', out));
  t.end();
});

test('a strict parser accepts a run of two interleaved targets with hostile text', (t) => {
  const parsed = parse(out);
  t.strictSame(parsed.problems, []);
  t.equal(parsed.count, 2, 'one point per target');
  t.equal(parsed.bailout, false);
  const ids = events.flatMap((event) => (event.type === 'case-end' ? [event.result.id] : []));
  t.strictSame(
    parsed.points.map((point) => point.name).sort(),
    [...ids].sort(),
    'every result is a point with its id',
  );
  t.end();
});

test('a reader that knows nothing of us counts the same failures', (t) => {
  const bad = parse(out).points.filter((point) => !point.ok && point.todo === false && point.skip === false);
  const unexpected = events.filter(
    (event) => event.type === 'case-end' && !['pass', 'skip', 'xfail'].includes(event.result.outcome),
  );
  t.equal(bad.length, unexpected.length);
  t.end();
});

test('diagnostics carry the texts, printable', (t) => {
  const hostile = parse(out).points.find((point) => point.name === 'udp-gso/hostile/guest-text');
  const diag = hostile?.diag as { calls: string[]; rule: string };
  t.equal(diag.calls.length, HOSTILE.length);
  t.equal(diag.rule, HOSTILE[2]);
  t.match(diag.calls[6], '...\\n---\\nkey');
  // eslint-disable-next-line no-control-regex -- exactly these are looked for
  t.notMatch(out, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  t.end();
});

test('a run cut off at any event ends in a bail out and stays valid', async (t) => {
  const bad: number[] = [];
  for (let cut = 1; cut < events.length; cut++) {
    const parsed = parse((await shown(createTap, events.slice(0, cut))).out);
    if (parsed.problems.length > 0 || parsed.bailout === false) bad.push(cut);
  }
  t.strictSame(bad, [], 'the numbers of events after which it is not');
});

test('an interrupted run and one without a machine bail out', async (t) => {
  const upTo = events.slice(0, 20);
  const end = (exit: number, interrupted: boolean): RunEvent => ({
    type: 'run-end',
    ended: '2026-01-02T03:05:00.000Z',
    totals: { pass: 0, fail: 0, skip: 0, xfail: 0, xpass: 0, error: 0, timeout: 0, crash: 0 },
    exit,
    interrupted,
  });
  const interrupted = parse((await shown(createTap, [...upTo, end(130, true)])).out);
  t.strictSame(interrupted.problems, []);
  t.equal(interrupted.bailout, 'interrupted');
  const lost: RunEvent = { type: 'notice', target: null, message: 'no machine # here {' };
  const failed = parse((await shown(createTap, [...upTo, lost, end(69, false)])).out);
  t.strictSame(failed.problems, []);
  t.match(failed.bailout, 'no machine');
  const dead: RunEvent = { type: 'machine', target: '6.12', state: 'lost', detail: 'no sign of life' };
  const named = parse((await shown(createTap, [...upTo, lost, dead, end(69, false)])).out);
  t.equal(named.bailout, '6.12: no sign of life');
});

test('a target that gave no result is not ok', async (t) => {
  const silent = events.filter((event) => event.type !== 'case-end' || event.result.target !== '6.12');
  const { out: text } = await shown(createTap, silent);
  t.strictSame(parse(text).problems, []);
  t.match(text, '\nnot ok 2 - 6.12\n');
});

test('a result after the end of its target is not lost', async (t) => {
  const late = fakeResult({ id: 'udp-gso/limits/late', target: '5.10', outcome: 'pass' });
  const { out: text } = await shown(createTap, [
    ...events.slice(0, -1),
    { type: 'case-end', result: late },
    ...events.slice(-1),
  ]);
  const parsed = parse(text);
  t.strictSame(parsed.problems, []);
  t.ok(parsed.points.some((point) => point.name === late.id));
});

test('no text anywhere in a run makes the stream invalid or forges a result', async () => {
  const anyText = fc.array(fc.integer({ min: 0, max: 0xffff })).map((codes) => String.fromCharCode(...codes));
  const tapLike = fc.constantFrom(
    ...HOSTILE,
    'Subtest: x',
    '# SKIP',
    'ok {',
    '1..9',
    '---',
    '\\#',
    'time=1ms',
  );
  const text = fc.array(fc.oneof(anyText, tapLike), { maxLength: 3 }).map((parts) => parts.join(' '));
  await fc.assert(
    fc.asyncProperty(text, fc.constantFrom('pass', 'fail', 'skip', 'xfail'), async (any, outcome) => {
      const result = fakeResult({
        id: `a/b/${any}`,
        target: '6.1',
        outcome,
        reason: any,
        rule: any,
        checks: [{ name: any, ok: false, expected: [any], actual: any }],
        calls: [any],
      });
      const { out: stream } = await shown(createTap, [
        ...events.slice(0, 2).map((event) => ('targets' in event ? { ...event, targets: ['6.1'] } : event)),
        { type: 'notice', target: null, message: any },
        { type: 'notice', target: '6.1', message: any },
        { type: 'machine', target: '6.1', state: 'lost', detail: any },
        { type: 'case-end', result },
        ...events.slice(-1),
      ]);
      const parsed = parse(stream);
      const [point] = parsed.points;
      return (
        parsed.problems.length === 0 &&
        parsed.points.length === 1 &&
        point?.ok === (outcome === 'pass' || outcome === 'skip') &&
        (point.skip !== false) === (outcome === 'skip') &&
        (point.todo !== false) === (outcome === 'xfail')
      );
    }),
    { numRuns: 300 },
  );
});
