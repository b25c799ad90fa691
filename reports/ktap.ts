import type { CaseResult, Outcome, RunEvent, Totals } from '../harness/contract/result.ts';
import { Collected, type TargetRecord } from './collect.ts';
import { count, unexpected } from './outcomes.ts';
import { createSink } from './sink.ts';
import { diagnostics } from './diagnostics.ts';
import { excerpt, visible } from './text.ts';
import type { View, ViewOptions } from './view.ts';

/** Text on a KTAP line: no `#` is allowed in descriptions and there is no escape for it. */
function ktapText(text: string): string {
  return visible(text).replaceAll('#', '\\x23').trim();
}

/**
 * Result and directive; XFAIL goes with `ok` as kselftest.h prints it, TIMEOUT and ERROR go with `not ok`
 * (Documentation/dev-tools/ktap.rst).
 */
const LINE: Readonly<Record<Outcome, readonly [result: 'ok' | 'not ok', directive: string]>> = {
  pass: ['ok', ''],
  fail: ['not ok', ''],
  skip: ['ok', ' # SKIP'],
  xfail: ['ok', ' # XFAIL'],
  xpass: ['not ok', ''],
  error: ['not ok', ' # ERROR'],
  timeout: ['not ok', ' # TIMEOUT'],
  crash: ['not ok', ' # ERROR'],
};

/** `# ` lines that belong to the point after them. */
function explain(result: CaseResult): string[] {
  const lines: string[] = [];
  const add = (key: string, value: unknown): void => {
    if (Array.isArray(value)) for (const item of value) add(key, item);
    else if (typeof value === 'object' && value !== null) {
      for (const [inner, item] of Object.entries(value)) add(`${key}.${inner}`, item);
    } else lines.push(`# ${key}: ${visible(String(value))}`);
  };
  for (const [key, value] of Object.entries(diagnostics(result))) add(key, value);
  return lines;
}

function point(number: number, result: CaseResult): string[] {
  const [word, directive] = LINE[result.outcome];
  const reason = directive === '' ? '' : ` ${ktapText(excerpt(result.reason, 300))}`.trimEnd();
  const line = `${word} ${number} ${ktapText(result.id)}${directive}${reason}`;
  const told = unexpected(result.outcome) || result.attempt > 1;
  return told ? [...explain(result), line] : [line];
}

/** kselftest's line; a case without a verdict (timeout, crash) counts as error there. */
function totalsLine(totals: Totals): string {
  const error = totals.error + totals.timeout + totals.crash;
  return (
    `# Totals: pass:${totals.pass} fail:${totals.fail} xfail:${totals.xfail} xpass:${totals.xpass} ` +
    `skip:${totals.skip} error:${error}`
  );
}

/** One target as a nested test: version line and plan first, as ktap.rst advises. */
function nested(target: TargetRecord): string[] {
  const results = [...target.results.values()];
  const judged = target.summary?.judgedAs ?? null;
  return [
    'KTAP version 1',
    `1..${results.length}`,
    ...(target.summary === null
      ? []
      : [`# kernel: ${visible(`${target.summary.release} ${target.summary.version}`)}`]),
    ...(judged === null ? [] : [`# judged as: ${visible(judged)}`]),
    ...results.flatMap((result, index) => point(index + 1, result)),
    totalsLine(count(results)),
  ];
}

/** KTAP 1, one nested test per target, written as soon as a target is done (its plan has to come first). */
export function createKtap(options: Pick<ViewOptions, 'out'>): View {
  const sink = createSink(options.out);
  const run = new Collected();
  const written = new Set<string>();
  let ended = false;

  const put = (lines: readonly string[]): void => {
    sink.write(`${lines.join('\n')}\n`);
  };
  const finish = (target: TargetRecord): void => {
    if (written.has(target.name)) return;
    written.add(target.name);
    const totals = count(target.results.values());
    const results = target.results.size;
    const bad = results === 0 || [...target.results.values()].some(({ outcome }) => unexpected(outcome));
    const line = `${bad ? 'not ok' : 'ok'} ${written.size} ${ktapText(target.name)}`;
    if (results === 0)
      put(['# no case came to an end', `${line} # ERROR ${ktapText(target.detail)}`.trimEnd()]);
    else {
      const skipped = totals.skip === results ? ' # SKIP every case was skipped' : '';
      put([...nested(target).map((text) => `  ${text}`), line + skipped]);
    }
  };
  const end = (): void => {
    ended = true;
    for (const target of run.targets.values()) finish(target);
    if (run.end?.interrupted ?? true) put(['# interrupted: some cases did not run']);
    put([totalsLine(run.totals())]);
  };

  return {
    event(event: RunEvent) {
      run.event(event);
      if (ended) return;
      if (event.type === 'run-start') {
        put(['KTAP version 1', `1..${event.targets.length}`]);
      } else if (event.type === 'machine' && event.state === 'done') {
        finish(run.target(event.target));
      } else if (event.type === 'notice') {
        const about = event.target === null ? '' : `${event.target}: `;
        put([`# note: ${visible(about + event.message)}`]);
      } else if (event.type === 'run-end') end();
    },
    async close() {
      if (!ended && run.start !== null) end();
      await sink.flush();
    },
  };
}
