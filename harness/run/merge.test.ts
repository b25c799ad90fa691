import { join } from 'node:path';
import t from 'tap';
import type { KnownIssue } from '../contract/known-issue.ts';
import type { CaseResult, RunEvent } from '../contract/result.ts';
import { Journal } from './journal.ts';
import { merge } from './merge.ts';
import { writePlan, type RunPlan } from './plan-file.ts';

const issue = (line: number, cases: string): KnownIssue => ({
  cases: [cases],
  outcome: 'fail',
  reason: 'the device lies',
  link: 'https://example.org/1',
  expires: '2999-12-31',
  where: { file: 'suites/known-issues.yaml', line, column: 5 },
});

const plan: Omit<RunPlan, 'shard'> = {
  schema: 'segproof-plan/1',
  tool: '0',
  choices: { selection: [], kernel: [], kernelArg: [], kvm: true, suite: [] },
  cases: { count: 2, digest: 'd' },
  content: {},
};

/** The folder of a shard in which one case came out, and which told this of the known issues. */
function shard(root: string, index: number, result: Partial<CaseResult>, notices: readonly string[]): string {
  const folder = join(root, String(index));
  writePlan(folder, { ...plan, shard: { index, count: 2 } });
  const journal = Journal.create(join(folder, 'journal.jsonl'));
  const target = '6.1';
  const events = [
    {
      ...{ type: 'run-start', tool: '0', started: '2026-11-22T00:00:00Z', command: [], folder },
      ...{ targets: [target], planned: 1 },
    },
    { type: 'case-end', result: { target, attempt: 1, reason: '', ...result } as CaseResult },
    ...notices.map((message) => ({ type: 'notice', target: null, message })),
    {
      ...{ type: 'run-end', ended: '2026-11-22T00:01:00Z', exit: 0, interrupted: false },
      totals: { pass: 1, fail: 0, skip: 0, xfail: 0, xpass: 0, error: 0, timeout: 0, crash: 0 },
    },
  ] as RunEvent[];
  for (const event of events) journal.append(event);
  journal.close();
  return folder;
}

t.test('whether a known issue is stale is told of the whole, not of each shard', (t) => {
  const root = t.testdir();
  const stale = (line: number): string =>
    `known issue suites/known-issues.yaml:${line}:5 is stale: none of its 1 results came out as fail`;
  const folders = [
    shard(root, 1, { id: 'x/a[v=1]', outcome: 'xfail' }, [stale(9), 'guests run under TCG']),
    shard(root, 2, { id: 'x/a[v=2]', outcome: 'pass' }, [stale(2), stale(9)]),
  ];
  const merged = (knownIssues: readonly KnownIssue[] | null): string[] => {
    const told: string[] = [];
    const exit = merge({
      folders,
      folder: join(root, `all-${knownIssues === null ? 'other' : 'same'}`),
      partial: false,
      commandLine: [],
      knownIssues,
      onEvent: (event) => {
        if (event.type === 'notice') told.push(event.message);
      },
    });
    t.equal(exit, 0);
    return told;
  };
  t.same(
    merged([issue(2, 'x/a'), issue(9, 'x/a[v=2]')]),
    ['guests run under TCG', stale(9)],
    'one shard met the first issue, none the second',
  );
  t.equal(merged(null).length, 4, 'where they have changed since, the word of the shards stays');
  t.end();
});
