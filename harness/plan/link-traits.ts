/** What the links of a topology ask of a target and promise to a receiver. */
import type { Link, Namespace } from '../contract/topology.ts';

/** Kinds and capabilities a target must have. */
export function needsOf(namespaces: Readonly<Record<string, Namespace>>): string[] {
  const each = Object.values(namespaces);
  const needs = each.flatMap(({ links }) => links).flatMap(needsOfLink);
  return [...new Set(needs), ...(each.some(({ rules }) => rules) ? ['rules'] : [])];
}

function needsOfLink({ kind, qdisc }: Link): string[] {
  return [...(kind === 'lo' ? [] : [kind]), ...(qdisc === undefined ? [] : [qdisc])];
}

/** Do all datagrams arrive once, in the order sent? A qdisc lets what has no launch time overtake what has one; broadcast repeats. */
export function inOrder(namespaces: Readonly<Record<string, Namespace>>): boolean {
  const links = Object.values(namespaces).flatMap((ns) => ns.links);
  return links.every(
    ({ kind, qdisc, teamMode }) =>
      kind !== 'dummy' && kind !== 'ifb' && qdisc === undefined && teamMode !== 'broadcast',
  );
}
