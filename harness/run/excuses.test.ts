import t from 'tap';
import type { KnownIssue } from '../contract/known-issue.ts';
import type { CaseResult, RunEvent } from '../contract/result.ts';
import { Excuses } from './excuses.ts';
import { go, machine, plannedCase, wellBehaved } from './fake-run.ts';

const issue: KnownIssue = {
  cases: ['x/a', 'x/b*'],
  outcome: 'fail',
  reason: 'the device lies',
  link: 'https://example.org/1',
  expires: '2026-12-31',
  where: { file: 'suites/known-issues.yaml', line: 2, column: 5 },
};
const result = (part: Partial<CaseResult>): RunEvent => ({
  type: 'case-end',
  result: { id: 'x/a', target: '6.1', outcome: 'fail', reason: 'got EIO', attempt: 1, ...part } as CaseResult,
});
const target = (upstream: string | null): RunEvent =>
  ({ type: 'target', summary: { target: '6.1', upstream } }) as RunEvent;

function outcome(
  known: Partial<KnownIssue>,
  part: Partial<CaseResult>,
  upstream: string | null = '6.1.5',
): string {
  const excuses = new Excuses([{ ...issue, ...known }], '2026-11-22');
  excuses.apply(target(upstream));
  const event = excuses.apply(result(part));
  return event.type === 'case-end' ? event.result.outcome : '';
}

t.test('a known failure is xfail with its reason, link and last day; a pass in its place is xpass', (t) => {
  const event = new Excuses([issue], '2026-12-31').apply(result({}));
  t.match(event, {
    result: {
      outcome: 'xfail',
      reason: 'known issue until 2026-12-31: the device lies (https://example.org/1); got EIO',
    },
  });
  t.equal(outcome({}, { outcome: 'pass' }), 'xpass');
  t.equal(outcome({ intermittent: true }, { outcome: 'pass' }), 'pass');
  t.end();
});

t.test('only what the entry says is excused', (t) => {
  t.equal(outcome({}, { outcome: 'crash' }), 'crash', 'another outcome');
  t.equal(outcome({}, { id: 'x/c' }), 'fail', 'another case');
  t.equal(outcome({}, { id: 'x/bc[family=ipv6]' }), 'xfail');
  t.equal(outcome({}, { outcome: 'skip' }), 'skip');
  t.equal(outcome({}, { outcome: 'error', cut: 'not-run' }), 'error');
  t.equal(outcome({ targets: ['6.*'] }, {}), 'xfail');
  t.equal(outcome({ targets: ['6.12', 'running'] }, {}), 'fail', 'another target');
  const crash = { outcome: 'crash' as const, fingerprint: 'warning skb_warn_bad_offload f' };
  t.equal(outcome({ outcome: 'crash', fingerprint: 'warning skb_warn_bad_offload' }, crash), 'xfail');
  t.equal(outcome({ outcome: 'crash', fingerprint: 'oops' }, crash), 'crash', 'another crash');
  t.end();
});

t.test('versions bound an entry, and a kernel of unknown version has no bounded issue', (t) => {
  t.equal(outcome({ from: '6.1' }, {}), 'xfail');
  t.equal(outcome({ from: '6.2' }, {}), 'fail');
  t.equal(outcome({ before: '6.1.5' }, {}), 'fail');
  t.equal(outcome({ from: '6.1', before: '6.1.6' }, {}), 'xfail');
  t.equal(outcome({ from: '6.1' }, {}, null), 'fail');
  t.equal(outcome({}, {}, null), 'xfail');
  t.end();
});

t.test('an entry that has expired excuses nothing and is named, like one that nothing came of', (t) => {
  const late = new Excuses([issue], '2027-01-01');
  t.match(late.apply(result({})), { result: { outcome: 'fail' } });
  t.match(late.notices(), [/known-issues.yaml:2:5 expired on 2026-12-31, so that 1 results count again/]);
  const stale = new Excuses([{ ...issue, intermittent: true }], '2026-11-22');
  t.same(stale.notices(), [], 'its cases were not run');
  stale.apply(result({ outcome: 'pass' }));
  t.match(stale.notices(), [/is stale: none of its 1 results came out as fail/]);
  t.end();
});

t.test(
  'a run whose failures are all known ends with 0, and one with an unexpected pass with 1',
  async (t) => {
    const usual = wellBehaved();
    const failing = machine((message) =>
      usual(message).map((reply) =>
        typeof reply === 'object' && 'evidence' in reply && reply.evidence.id === 'x/a'
          ? { ...reply, evidence: { ...reply.evidence, steps: [{ ret: -1, errno: 'EIO', calls: [] }] } }
          : reply,
      ),
    );
    const cases = [plannedCase('x/a'), plannedCase('x/c')];
    const knownIssues = [{ ...issue, expires: '9999-12-31' }];
    const known = await go(cases, failing.source, { knownIssues });
    t.equal(known.exit, 0);
    t.match(known.events.at(-1), { totals: { xfail: 1, pass: 1 } });
    const fixed = await go(cases, machine(wellBehaved()).source, { knownIssues });
    t.equal(fixed.exit, 1);
    t.match(fixed.events.at(-1), { totals: { xpass: 1, pass: 1 } });
  },
);
