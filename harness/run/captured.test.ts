import fc from 'fast-check';
import t from 'tap';
import type { AgentEvidence, Datagram } from '../contract/evidence.ts';
import { takeApart } from './captured.ts';

const evidence = (datagrams: AgentEvidence['steps'][number]['datagrams'] = []): AgentEvidence => ({
  ...{ id: 'a/b', setup: [], durationMs: 1, kernel: { log: [], taint: { before: 0, after: 0 } } },
  steps: [{ ret: 1, calls: [], datagrams }],
});
const base = { from: '10.0.0.1:9000', flags: [], control: [] };

t.test('datagrams told as repeated are as many, each with the bytes behind those of the one before', (t) => {
  fc.assert(
    fc.property(
      fc.nat(5),
      fc.nat(3000),
      fc.integer({ min: 1, max: 1500 }),
      fc.integer({ min: 2, max: 128 }),
      (stream, at, length, times) => {
        const single = (index: number): Datagram => ({
          ...{ ...base, length, payload: [{ stream, at: at + index * length, length }] },
        });
        const told = evidence([{ ...single(0), times }, single(times)]);
        const singles = Array.from({ length: times + 1 }, (_, index) => single(index));
        t.strictSame(takeApart(told, 0).steps[0]?.datagrams, singles);
      },
    ),
    { numRuns: 30 },
  );
  t.end();
});

t.test('a datagram told once stays as it is', (t) => {
  const foreign = { ...base, length: 2, payload: [{ foreign: 'abcd', length: 2 }] };
  t.strictSame(takeApart(evidence([foreign]), 0).steps[0]?.datagrams, [foreign]);
  t.end();
});
