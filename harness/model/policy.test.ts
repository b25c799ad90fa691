/** Policy routing by the rules of fib_rules_lookup(), and where versions differ. */
import fc from 'fast-check';
import t from 'tap';
import type { Route } from '../contract/topology.ts';
import { parseAddress } from '../wire/address.ts';
import { chosen, tables } from './policy.ts';
import { Underivable } from './signals.ts';

const RULES = [
  { mark: 7, table: 1 },
  { mark: 8, tos: 16, table: 2 },
  { tos: 16, table: 3 },
];
const MAIN = undefined;
const by = (mark: number, tos: number): { mark: number; tos: number; bound: string } => ({
  mark,
  tos,
  bound: '',
});

t.test('tables are asked in the order of their rules, the main one last', (t) => {
  t.strictSame(tables(RULES, 'ipv4', by(0, 0)), [MAIN]);
  t.strictSame(tables(RULES, 'ipv4', by(7, 0)), [1, MAIN]);
  t.strictSame(tables(RULES, 'ipv6', by(7, 16)), [1, 3, MAIN]);
  t.strictSame(tables(RULES, 'ipv6', by(8, 16)), [2, 3, MAIN], 'all that a rule names must be so');
  t.strictSame(tables(RULES, 'ipv4', by(8, 8)), [MAIN]);
  t.end();
});

t.test('ECN does not choose a way of IPv4; what versions differ in is not derived', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 7 }), (ecn, bits) => {
      const plain = tables(RULES, 'ipv4', by(7, bits << 2));
      return JSON.stringify(tables(RULES, 'ipv4', by(7, (bits << 2) | ecn))) === JSON.stringify(plain);
    }),
  );
  t.throws(() => tables(RULES, 'ipv6', by(0, 17)), Underivable);
  t.throws(() => tables(RULES, 'ipv4', by(0, 0x30)), Underivable);
  t.strictSame(tables([{ mark: 7, table: 1 }], 'ipv6', by(7, 0xff)), [1, MAIN], 'no rule asks for it');
  t.end();
});

t.test('the first table with a route decides, by its longest prefix', (t) => {
  const routes: Route[] = [
    { to: '10.0.0.0/24', dev: 'main' },
    { to: '10.0.0.2/32', dev: 'host' },
    { to: '10.0.0.0/16', dev: 'one', table: 1 },
    { to: '10.0.1.0/24', dev: 'three', table: 3 },
  ];
  const way = (to: string, asked: (number | undefined)[]): string | undefined =>
    chosen(routes, parseAddress(to) ?? Buffer.alloc(0), asked)?.dev;
  t.equal(way('10.0.0.2', [MAIN]), 'host');
  t.equal(way('10.0.0.2', [1, MAIN]), 'one', 'a shorter prefix in a table asked earlier');
  t.equal(way('10.0.0.2', [3, MAIN]), 'host', 'a table without a route is passed over');
  t.equal(way('10.0.1.9', [3, 1, MAIN]), 'three');
  t.equal(way('10.9.0.1', [3, MAIN]), undefined);
  t.end();
});
