/** Policy routing: which tables are looked into for a packet, and which of their routes it takes. */
import type { Family } from '../contract/program.ts';
import type { Route, Rule } from '../contract/topology.ts';
import { covers, prefix } from './destinations.ts';
import { Underivable } from './signals.ts';

/** What else than its destination a packet is routed by. */
export interface Selector {
  /** SO_MARK */
  readonly mark: number;
  /** TOS or traffic class. */
  readonly tos: number;
  /** Device the socket is bound to; empty: none. */
  readonly bound: string;
  /** Asked not to route: only what is on a link counts (RT_SCOPE_LINK). Absent: no. */
  readonly onLink?: boolean;
}

/** The table of routes that name none. */
const MAIN = undefined;
/** Bits of the TOS that rules of IPv4 look at in every version: IPTOS_RT_MASK (include/net/route.h). */
const ROUTED_BITS = 0x1c;
const ECN = 3;

/**
 * In the order in which they are asked: fib_rules_lookup() goes on to the next rule where a table has no route. ECN is no part of
 * what IPv4 routes by; of IPv6 it was one before a410a0cf9885. @throws Underivable where versions differ
 */
export function tables(
  rules: readonly Rule[],
  family: Family,
  { mark, tos }: Selector,
): (number | undefined)[] {
  const byTos = rules.some((rule) => rule.tos !== undefined);
  if (byTos && ((family === 'ipv6' && (tos & ECN) !== 0) || (tos & ~(ROUTED_BITS | ECN)) !== 0))
    throw new Underivable('rules look at other bits of this TOS or traffic class in other versions');
  const asked = rules.filter(
    (rule) =>
      (rule.mark === undefined || rule.mark === mark) &&
      (rule.tos === undefined || rule.tos === (tos & ROUTED_BITS)),
  );
  return [...asked.map(({ table }) => table), MAIN];
}

/**
 * The routes that count at all. fib_table_lookup() passes over one of a wider scope than was asked for, and a route with a next hop
 * is of the widest (ip-route(8), rt_scope); IPv6 knows no scopes of routes.
 */
export function inScope(routes: readonly Route[], family: Family, { onLink }: Selector): readonly Route[] {
  return family === 'ipv4' && onLink === true ? routes.filter(({ via }) => via === undefined) : routes;
}

/** The longest prefix of the first table that has any for the address. */
export function chosen(
  routes: readonly Route[],
  address: Buffer,
  asked: readonly (number | undefined)[],
): Route | undefined {
  const fitting = routes
    .filter((route) => covers(route.to, address))
    .sort((a, b) => prefix(b.to) - prefix(a.to));
  const table = asked.find((one) => fitting.some((route) => route.table === one));
  return fitting.find((route) => route.table === table);
}
