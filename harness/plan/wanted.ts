/** What chosen cases ask of a kernel, so that a run of a few of them does not wait for answers that none of them turns on. */
import { LINK_KINDS } from '../contract/topology.ts';
import type { BehaviourTable } from '../load/behaviour-table.ts';
import type { Case } from '../load/case.ts';
import type { TopologyFile } from '../load/topology.ts';
import type { Probe } from './probes.ts';
import { topologyOf } from './target.ts';

/** Link kinds and capabilities that the variants' topologies, and the cases themselves, ask for. */
export function needsOf(cases: readonly Case[], topologies: ReadonlyMap<string, TopologyFile>): Set<string> {
  const needs = new Set<string>();
  for (const theCase of cases) {
    for (const need of theCase.needs) needs.add(need);
    for (const { values } of theCase.variants)
      for (const kind of topologyOf(theCase, values, topologies).resolved.kinds) needs.add(kind);
  }
  return needs;
}

/**
 * All probes for cases with other devices than lo, since the model asks about any of these on its own account. For the rest those
 * that work on lo alone, and those of behaviours that a case names or whose constants it reads.
 */
export function wantedProbes(
  probes: readonly Probe[],
  cases: readonly Case[],
  needs: ReadonlySet<string>,
  { implied }: BehaviourTable,
): readonly Probe[] {
  if (LINK_KINDS.some((kind) => needs.has(kind))) return probes;
  const named = new Set<string>();
  for (const { yaml, lets } of cases) collectWords([yaml, lets], named);
  for (const [constant, behaviours] of implied)
    if (named.has(constant)) for (const { behaviour } of behaviours) named.add(behaviour);
  return probes.filter((probe) => named.has(probe.behaviour) || probe.needs.length === 0);
}

/** Every word of every text in `value`, keys aside; names of behaviours and constants are words. */
function collectWords(value: unknown, words: Set<string>): void {
  if (typeof value === 'string') for (const word of value.match(/[\w-]+/g) ?? []) words.add(word);
  else if (typeof value === 'object' && value !== null)
    for (const inner of Object.values(value)) collectWords(inner, words);
}
