import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import type { RunEvent } from '../contract/result.ts';
import { go, ids, machine, plannedCase, wellBehaved } from './fake-run.ts';
import { parseJournal, seal, START } from './journal-line.ts';
import type { Resumed } from './resume.ts';

const all = ids.map((id) => plannedCase(id));
const plan = {} as Resumed['plan'];

function journalOf(folder: string): Resumed['journal'] {
  return parseJournal([readFileSync(join(folder, 'journal.jsonl'))]);
}

const outcomes = (events: readonly RunEvent[]): string[] =>
  events.flatMap((e) =>
    e.type === 'case-end' ? [`${e.result.id} ${e.result.attempt} ${e.result.outcome}`] : [],
  );

t.test('a run cut off at any byte goes on to the results of an uninterrupted one', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'segproof-test-'));
  t.teardown(() => {
    rmSync(folder, { recursive: true });
  });
  const whole = join(folder, 'whole');
  const uninterrupted = await go(all, machine(wellBehaved()).source, { folder: whole });
  const size = readFileSync(join(whole, 'journal.jsonl')).length;
  for (let i = 0; i < 12; i++) {
    const cut = join(folder, `cut-${i}`);
    await go(all, machine(wellBehaved()).source, { folder: cut });
    truncateSync(join(cut, 'journal.jsonl'), Math.floor((size * i) / 12) + i);
    const agent = machine(wellBehaved());
    const before = journalOf(cut);
    const resumed = await go(all, agent.source, { folder: cut, resumed: { plan, journal: before } });
    t.equal(resumed.exit, uninterrupted.exit);
    t.same(outcomes(resumed.events).sort(), outcomes(uninterrupted.events).sort(), `cut ${i}`);
    const ends = journalOf(cut).events.filter((e) => e.type === 'case-end');
    t.equal(ends.length, 50, 'no finished case was run again');
    t.equal(
      readFileSync(join(cut, 'evidence/fake.jsonl'), 'utf8').trim().split('\n').length >= 50,
      true,
      'there is evidence of every case',
    );
  }
});

t.test('a run that is complete boots nothing', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'segproof-test-'));
  t.teardown(() => {
    rmSync(folder, { recursive: true });
  });
  await go(all, machine(wellBehaved()).source, { folder });
  const idle = machine(wellBehaved());
  const { exit } = await go(all, idle.source, { folder, resumed: { plan, journal: journalOf(folder) } });
  t.equal(exit, 0);
  t.equal(idle.boots(), 0);
});

t.test('cases that were never reached are run by a resumed run, lost ones keep their attempts', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'segproof-test-'));
  t.teardown(() => {
    rmSync(folder, { recursive: true });
  });
  const silent = machine(wellBehaved());
  await go(all, { ...silent.source, start: () => Promise.reject(new Error('x')) }, { folder }).catch(() => 0);
  const { exit, results } = await go(all, machine(wellBehaved()).source, {
    folder,
    resumed: { plan, journal: journalOf(folder) },
  });
  t.equal(exit, 0);
  t.ok(results.every((r) => r.outcome === 'pass' && r.attempt === 1));
});

t.test('another kernel than the one the run began on is not run under its name', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'segproof-test-'));
  t.teardown(() => {
    rmSync(folder, { recursive: true });
  });
  await go(all, machine(wellBehaved()).source, { folder });
  const path = join(folder, 'journal.jsonl');
  const lines = readFileSync(path, 'utf8').trim().split('\n').slice(0, 60);
  let crc = START;
  let text = '';
  for (const line of lines) {
    const json = line.replace(/,"crc":"\w+"\}$/, '}').replace('"release":"6.1.0"', '"release":"6.0.9"');
    const sealed = seal(json, crc);
    ({ crc } = sealed);
    text += sealed.line;
  }
  truncateSync(path, 0);
  appendFileSync(path, text);
  const { exit, results } = await go(all, machine(wellBehaved()).source, {
    folder,
    resumed: { plan, journal: journalOf(folder) },
  });
  t.equal(exit, 1);
  t.match(results.at(-1), { outcome: 'error', cut: 'not-run', reason: /began on 6.0.9 .* this is 6.1.0/ });
});

t.test('a journal is taken up to a record that was cut off, and never with other damage', (t) => {
  const events = (n: number): RunEvent[] =>
    Array.from({ length: n }, (_, i) => ({ type: 'case-start', target: 'x', id: `a/${i}"\\\u2028` }));
  const bytes = (n: number): Buffer => {
    let crc = START;
    return Buffer.concat(
      events(n).map((event) => {
        const sealed = seal(JSON.stringify(event), crc);
        ({ crc } = sealed);
        return Buffer.from(sealed.line);
      }),
    );
  };
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.nat(), (n, at) => {
      const whole = bytes(n);
      const cut = parseJournal([whole.subarray(0, at % (whole.length + 1))]);
      const count = cut.events.length;
      return (
        JSON.stringify(cut.events) === JSON.stringify(events(count)) &&
        cut.bytes + cut.cut === at % (whole.length + 1)
      );
    }),
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 300 }), (n, size) => {
      const whole = bytes(n).subarray(0, -1 - (size % 7));
      // The same memory for each piece, as whoever reads a file in pieces may have it.
      const memory = Buffer.alloc(size);
      const pieces = function* (): Generator<Buffer> {
        for (let from = 0; from < whole.length; from += size)
          yield memory.subarray(0, whole.copy(memory, 0, from, from + size));
      };
      t.strictSame(parseJournal(pieces()), parseJournal([whole]));
    }),
  );
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 20 }), fc.nat(), fc.nat(6), (n, at, bit) => {
      const whole = bytes(n);
      const last = whole.subarray(0, -1).lastIndexOf(0x0a) + 1;
      const place = at % last;
      whole[place] = (whole[place] ?? 0) ^ (1 << bit);
      try {
        parseJournal([whole]);
        return false;
      } catch (error) {
        return (error as { line?: number }).line !== undefined;
      }
    }),
  );
  const lines = bytes(4).toString().split('\n');
  for (const [what, damaged] of [
    ['missing', [lines[0], lines[2], lines[3], '']],
    ['doubled', [lines[0], lines[1], lines[1], lines[2], '']],
    ['swapped', [lines[1], lines[0], lines[2], '']],
  ] as const)
    t.throws(() => parseJournal([Buffer.from(damaged.join('\n'))]), /changed, removed or doubled/, what);
  t.end();
});
