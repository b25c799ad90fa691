import type { CaseResult } from '../harness/contract/result.ts';
import { Collected, type TargetRecord } from './collect.ts';
import { diagnostics } from './diagnostics.ts';
import { unexpected } from './outcomes.ts';
import { createSink } from './sink.ts';
import { excerpt, visible } from './text.ts';
import type { View, ViewOptions } from './view.ts';

/** Failures written with their system calls; GitLab refuses files over 30 MB. */
const DETAILED = 2000;

const ENTITY: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** XML text: only characters that XML 1.0 allows (all others are spelt out), with `]]>` made harmless. */
function xml(text: string): string {
  return visible(text).replace(/[&<>"']/g, (character) => ENTITY[character] ?? '');
}

function attributes(values: Record<string, string | number>): string {
  return Object.entries(values)
    .map(([key, value]) => ` ${key}="${xml(String(value))}"`)
    .join('');
}

/** The diagnostics as lines of `key: value`. */
function details(value: unknown, key: string): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => details(item, key));
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value).flatMap(([inner, item]) =>
      details(item, key === '' ? inner : `${key}.${inner}`),
    );
  }
  return [`${key}: ${xml(String(value))}`];
}

/** `fail` and `xpass` are failures of the kernel under test, the others errors; xfail is told as skipped. */
function verdict(result: CaseResult, detailed: boolean): string[] {
  const message = excerpt(result.reason, 500);
  if (result.outcome === 'pass') return [];
  if (!unexpected(result.outcome)) {
    const text = result.outcome === 'xfail' ? `expected failure: ${message}` : message;
    return [`<skipped${attributes({ message: text })}/>`];
  }
  const kind = result.outcome === 'fail' || result.outcome === 'xpass' ? 'failure' : 'error';
  const text = detailed ? details(diagnostics(result), '').join('\n') : 'see results.json';
  return [`<${kind}${attributes({ message, type: result.outcome })}>${text}</${kind}>`];
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}

function testsuite(
  target: TargetRecord,
  suite: string,
  results: readonly CaseResult[],
  budget: () => boolean,
): string[] {
  const kinds = results.map((result) => verdict(result, unexpected(result.outcome) && budget()));
  const counted = (tag: string): number => kinds.filter(([first]) => first?.startsWith(`<${tag}`)).length;
  const head = attributes({
    name: `${target.name}: ${suite}`,
    tests: results.length,
    failures: counted('failure'),
    errors: counted('error'),
    skipped: counted('skipped'),
    time: seconds(results.reduce((sum, { durationMs }) => sum + durationMs, 0)),
  });
  const properties = {
    target: target.name,
    release: target.summary?.release ?? 'unknown',
    version: target.summary?.version ?? 'unknown',
    upstream: target.summary?.upstream ?? 'unknown',
    ...(target.summary?.judgedAs == null ? {} : { 'judged-as': target.summary.judgedAs }),
  };
  return [
    `  <testsuite${head}>`,
    '    <properties>',
    ...Object.entries(properties).map(([name, value]) => `      <property${attributes({ name, value })}/>`),
    '    </properties>',
    ...results.flatMap((result, index) => {
      // Readers identify a case by classname and name: the target belongs into it.
      const name = result.id.startsWith(`${suite}/`) ? result.id.slice(suite.length + 1) : result.id;
      const own = attributes({
        classname: `${target.name}.${suite}`,
        name,
        time: seconds(result.durationMs),
      });
      const inner = kinds[index] ?? [];
      if (inner.length === 0) return [`    <testcase${own}/>`];
      return [`    <testcase${own}>`, ...inner.map((line) => `      ${line}`), '    </testcase>'];
    }),
    '  </testsuite>',
  ];
}

function junitDocument(run: Collected): string {
  let detailed = 0;
  const budget = (): boolean => detailed++ < DETAILED;
  const totals = run.totals();
  const head = attributes({
    name: run.start?.tool ?? 'segproof',
    tests: [...run.finals()].length,
    failures: totals.fail + totals.xpass,
    errors: totals.error + totals.timeout + totals.crash,
    skipped: totals.skip + totals.xfail,
    time: seconds(run.wallMs() ?? 0),
  });
  const suites = [...run.targets.values()].flatMap((target) => {
    const groups = new Map<string, CaseResult[]>();
    for (const result of target.results.values()) {
      const group = groups.get(result.suite);
      if (group === undefined) groups.set(result.suite, [result]);
      else group.push(result);
    }
    return [...groups].flatMap(([suite, results]) => testsuite(target, suite, results, budget));
  });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${head}>`,
    ...suites,
    '</testsuites>',
    '',
  ].join('\n');
}

/** JUnit XML (the subset that Jenkins, GitLab and GitHub actions read), written when the run is over. */
export function createJunit(options: Pick<ViewOptions, 'out'>): View {
  const sink = createSink(options.out);
  const run = new Collected();
  return {
    event(event) {
      run.event(event);
    },
    async close() {
      if (run.start !== null) sink.write(junitDocument(run));
      await sink.flush();
    },
  };
}
