/** The kernel modules behind what a survey asks for, where they are modules. */

const MODULES: Readonly<Record<string, readonly string[]>> = {
  vlan: ['8021q'],
  bond: ['bonding'],
  team: ['team', 'team_mode_roundrobin', 'team_mode_activebackup', 'team_mode_broadcast'],
  tap: ['tun'],
  fq: ['sch_fq'],
  etf: ['sch_etf'],
  // ESP in both families with the algorithms of harness/agent/xfrm.ts.
  xfrm: ['xfrm_user', 'esp4', 'esp6', 'crypto_null', 'authenc'],
};

/** No module of its own: in the kernel's network core, or part of ipv6. */
const BUILT_IN: ReadonlySet<string> = new Set(['lo', 'pfifo', 'rules', 'udplite', 'ipv6']);

/** Names of modules for link kinds and capabilities; most kinds are called as their module is. */
export const modulesFor = (needs: readonly string[]): string[] =>
  needs.filter((need) => !BUILT_IN.has(need)).flatMap((need) => MODULES[need] ?? [need]);
