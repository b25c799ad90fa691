import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { test } from 'tap';
import type { RunEvent } from '../harness/contract/result.ts';
import { Collected } from './collect.ts';
import { createView } from './create.ts';
import { fakeResult, fakeRun, HOSTILE } from './fixtures.ts';
import { golden, shown } from './golden.ts';
import { resultsText } from './json.ts';
import { resultsJsonSchema, resultsSchema } from './results-schema.ts';
import { FORMATS, type Format } from './view.ts';

const events = fakeRun();
const results = events.flatMap((event) => (event.type === 'case-end' ? [event.result] : []));

/** Any text, broken surrogate pairs and control characters included. */
const anyText = fc.array(fc.integer({ min: 0, max: 0xffff })).map((codes) => String.fromCharCode(...codes));

/** Line ends are the only control characters a view writes. */
// eslint-disable-next-line no-control-regex -- exactly these are looked for
const STEERING = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e]|\p{Cs}/u;

async function product(format: Format, run: readonly RunEvent[] = events): Promise<string> {
  return (await shown((options) => createView(format, options), run)).out;
}

/** A minimal run whose one failure says `text` wherever it can. */
function runSaying(text: string): RunEvent[] {
  const result = fakeResult({
    id: `udp-gso/limits/${text}`,
    suite: 'udp-gso/limits',
    target: '6.1',
    outcome: 'fail',
    reason: text,
    rule: text,
    checks: [{ name: text, ok: false, expected: [text, text], actual: text }],
    calls: [text],
    log: [text],
  });
  const [start, , ...rest] = events;
  const end = rest.at(-1);
  return start === undefined || end === undefined ? [] : [start, { type: 'case-end', result }, end];
}

interface KtapLevel {
  plan: number;
  points: string[];
}

/** Reads KTAP as ktap.rst says: version and plan first at each level, points numbered from 1, two blanks per level. */
function readKtap(text: string): { top: KtapLevel; nested: KtapLevel[]; problems: string[] } {
  const problems: string[] = [];
  const level = (): KtapLevel => ({ plan: -1, points: [] });
  const top = level();
  const nested: KtapLevel[] = [];
  for (const line of text.trimEnd().split('\n')) {
    const inner = line.startsWith('  ');
    const own = line.trim();
    if (own.startsWith('#')) continue;
    if (own === 'KTAP version 1') {
      if (inner) nested.push(level());
      continue;
    }
    const current = inner ? nested.at(-1) : top;
    const plan = /^1\.\.(\d+)$/.exec(own);
    const point = /^(?:not )?ok (\d+) ([^#]*?)( # (?:SKIP|XFAIL|TIMEOUT|ERROR)\b[^#]*)?$/.exec(own);
    if (current === undefined || (plan === null && point === null)) problems.push(line);
    else if (plan !== null) current.plan = Number(plan[1]);
    else if (point !== null) {
      current.points.push(point[2] ?? '');
      if (Number(point[1]) !== current.points.length) problems.push(`out of order: ${line}`);
    }
  }
  return { top, nested, problems };
}

/** Breaches of XML well-formedness that hostile text could cause: tags, attributes, entities, characters. */
function xmlProblems(text: string): string[] {
  const problems: string[] = [];
  const open: string[] = [];
  const body = text.replace('<?xml version="1.0" encoding="UTF-8"?>', '');
  const tag = /<(\/?)([a-z]+)((?: [a-z-]+="[^"<]*")*)(\/?)>/g;
  for (const [, close, name, , empty] of body.matchAll(tag)) {
    if (close === '/') {
      if (open.pop() !== name) problems.push(`</${name ?? ''}>`);
    } else if (empty === '') open.push(name ?? '');
  }
  const left = body.replaceAll(tag, '');
  if (open.length > 0) problems.push(`unclosed: ${open.join()}`);
  if (/[<>]/.test(left)) problems.push('stray < or >');
  if (/&(?!(?:amp|lt|gt|quot|apos);)/.test(body)) problems.push('stray &');
  // eslint-disable-next-line no-control-regex -- exactly these are not allowed in XML 1.0
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Cs}/u.test(text))
    problems.push('bad character');
  return problems;
}

for (const format of FORMATS) {
  if (format === 'human' || format === 'tap') continue;
  test(`${format}: the product is as the golden file has it`, async (t) => {
    const text = await product(format);
    t.equal(text, golden(`run.golden.${format}`, text));
  });
}

test('no product passes on a byte that steers a terminal', async (t) => {
  for (const format of FORMATS) {
    const { out, err } = await shown((options) => createView(format, { ...options, verbose: true }), events);
    t.notMatch(out + err, STEERING, format);
  }
});

test('ktap: levels, plans, numbers and directives are as ktap.rst says, whatever a guest sends', async (t) => {
  const { top, nested, problems } = readKtap(await product('ktap'));
  t.strictSame(problems, []);
  t.equal(top.plan, 2);
  t.strictSame(top.points, ['5.10', '6.12']);
  const ids = new Set(results.map(({ id }) => id));
  for (const level of nested) {
    t.equal(level.plan, ids.size);
    t.strictSame(new Set(level.points), ids);
  }
  await fc.assert(
    fc.asyncProperty(anyText, async (text) => {
      const read = readKtap(await product('ktap', runSaying(text)));
      return read.problems.length === 0 && read.nested.length === 1 && read.nested[0]?.points.length === 1;
    }),
    { numRuns: 200 },
  );
});

test('ktap: the totals line counts as kselftest does', async (t) => {
  const text = await product('ktap');
  t.match(text, /\n {2}# Totals: pass:1 fail:7 xfail:1 xpass:1 skip:2 error:4\nnot ok 1 5\.10\n/);
  t.match(text, /\n# Totals: pass:7 fail:9 xfail:2 xpass:2 skip:4 error:8\n$/);
});

test('json: the document validates, and says what the events said', async (t) => {
  const document = resultsSchema.parse(JSON.parse(await product('json')));
  t.equal(document.results.length, results.length);
  const guest = document.results.find(({ id }) => id === 'udp-gso/hostile/guest-text');
  t.strictSame(guest?.calls, HOSTILE, 'texts are kept as they came');
  t.equal(document.exit, 1);
});

test('json: a run cut off at any event gives a valid document', (t) => {
  const run = new Collected();
  for (const event of events.slice(0, -1)) {
    run.event(event);
    const document = resultsSchema.parse(JSON.parse([...resultsText(run)].join('')));
    t.equal(document.ended, null);
  }
  t.end();
});

test('json: the order in which results arrive does not show', async (t) => {
  const [start, ...rest] = events;
  const cases = rest.filter((event) => event.type === 'case-end');
  const end = rest.at(-1);
  if (start === undefined || end === undefined) throw new Error('the made-up run is empty');
  t.equal(
    await product('json', [start, ...cases, end]),
    await product('json', [start, ...[...cases].reverse(), end]),
  );
});

test('json: key order does not depend on the producer', (t) => {
  const reversed = events.map((event) =>
    event.type === 'case-end'
      ? {
          ...event,
          result: Object.fromEntries(Object.entries(event.result).reverse()) as typeof event.result,
        }
      : event,
  );
  const write = (run: readonly RunEvent[]): string => {
    const collected = new Collected();
    for (const event of run) collected.event(event);
    return [...resultsText(collected)].join('').trimEnd();
  };
  t.equal(write(reversed), write(events));
  t.end();
});

test('json: a run without a result is a whole document too', (t) => {
  const collected = new Collected();
  for (const event of events) if (event.type !== 'case-end') collected.event(event);
  t.same(resultsSchema.parse(JSON.parse([...resultsText(collected)].join(''))).results, []);
  t.end();
});

test('json: the published schema is what the code says', (t) => {
  const file = new URL('results.schema.json', import.meta.url);
  t.strictSame(JSON.parse(readFileSync(file, 'utf8')), JSON.parse(JSON.stringify(resultsJsonSchema())));
  t.end();
});

test('jsonl: every line is one event', async (t) => {
  const lines = (await product('jsonl')).trimEnd().split('\n');
  t.strictSame(
    lines.map((line) => JSON.parse(line) as unknown),
    JSON.parse(JSON.stringify(events)),
  );
});

test('junit: the XML is well-formed and counts every case, whatever a guest sends', async (t) => {
  const text = await product('junit');
  t.strictSame(xmlProblems(text), []);
  const names = Array.from(
    text.matchAll(/<testcase classname="([^"]*)" name="([^"]*)"/g),
    (match) => match[0],
  );
  t.equal(names.length, 32);
  t.equal(new Set(names).size, names.length, 'no two cases have the same classname and name');
  await fc.assert(
    fc.asyncProperty(
      anyText,
      async (any) => xmlProblems(await product('junit', runSaying(any))).length === 0,
    ),
    { numRuns: 200 },
  );
});

test('github: only our own commands are at the start of a line, at most ten', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(anyText, fc.constantFrom(...HOSTILE)), async (text) => {
      const lines = (await product('github', runSaying(text))).trimEnd().split('\n');
      return lines.length === 2 && lines.every((line) => /^::(error file=|notice title=segproof)/.test(line));
    }),
    { numRuns: 200 },
  );
  t.equal((await product('github')).trimEnd().split('\n').length, 10);
});

test('nothing is written for a run that never started', async (t) => {
  for (const format of FORMATS) {
    t.equal(await product(format, []), '', format);
  }
});
