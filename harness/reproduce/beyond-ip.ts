/** Teams and queueing disciplines of a topology: what ip(8) does not set. */
import { ETF_LEAD_MS, QDISCS } from '../contract/topology.ts';
import type { Link, Namespace, Qdisc, Topology } from '../contract/topology.ts';
import { cString } from './c-text.ts';
import type { Draft } from './draft.ts';
import { rootQdisc } from './helpers/qdisc.ts';
import { teamMode, teamPort } from './helpers/team.ts';

const NS_PER_MS = 1_000_000;

/** Teams obey root alone, not the root of a user namespace. */
export function needsRoot({ namespaces }: Topology): boolean {
  return Object.values(namespaces).some(({ links }) => links.some(({ kind }) => kind === 'team'));
}

/** Comes before the ports: a team that has some takes no mode. */
export function printTeamMode(draft: Draft, { name, teamMode: mode }: Link): void {
  if (mode === undefined) return;
  draft.use(teamMode);
  draft.write(`team_mode(${cString(name)}, "${mode}");`);
}

/** Comes after the ports. */
export function printTeamPorts(draft: Draft, { links }: Namespace): void {
  for (const { name, activePort } of links) {
    if (activePort === undefined) continue;
    draft.use(teamPort);
    draft.write(`team_port(${cString(name)}, ${cString(activePort)});`);
  }
}

/** Does some link have this queueing discipline? What nobody can be asked for without one is refused. */
export function isQdisc(draft: Draft, need: string, links: readonly Link[]): boolean {
  if (!(QDISCS as readonly string[]).includes(need)) return false;
  return links.some(({ qdisc }) => qdisc === need) || draft.refuse(`${need}, which no link has`);
}

/** A device that is up keeps it when its carrier comes: dev_activate() replaces noop only. */
export function printQdisc(draft: Draft, name: string, kind: Qdisc): void {
  draft.use(rootQdisc);
  if (kind !== 'etf') {
    draft.write(`root_qdisc("${name}", "${kind}", NULL);`);
    return;
  }
  // The only clock that etf takes.
  draft.include('time.h');
  draft.write(
    `root_qdisc("${name}", "etf", &(struct tc_etf_qopt){`,
    `	.delta = ${ETF_LEAD_MS * NS_PER_MS}, .clockid = CLOCK_TAI,`,
    '});',
  );
}
