/** Policy routing over rtnetlink: include/uapi/linux/fib_rules.h. */
import type { Rule } from '../contract/topology.ts';
import { attribute, NLM_F } from './netlink-message.ts';
import type { Netlink } from './netlink.ts';
import { AF } from './sys.ts';

const RTM_NEWRULE = 32;
const FRA = { PRIORITY: 6, FWMARK: 10, FWMASK: 16 } as const;
const FR_ACT_TO_TBL = 1;
const WHOLE_MARK = 0xffff_ffff;
/** The rule for the local table has 0, that for the main one 32766. */
const FIRST_PRIORITY = 100;

/** The families that the kernel keeps rules of, one by one. */
export const RULE_FAMILIES = { ipv4: AF.INET, ipv6: AF.INET6 } as const;

/** Adds a rule, `place`-th of its namespace from 0 on. */
export function addRule(
  netlink: Netlink,
  family: keyof typeof RULE_FAMILIES,
  rule: Rule,
  place: number,
): void {
  const { mark, tos = 0, table } = rule;
  // struct fib_rule_hdr
  const header = Buffer.from([RULE_FAMILIES[family], 0, 0, tos, table, 0, 0, FR_ACT_TO_TBL, 0, 0, 0, 0]);
  const marks = mark === undefined ? [] : [attribute(FRA.FWMARK, mark), attribute(FRA.FWMASK, WHOLE_MARK)];
  netlink.change({
    what: `cannot add an ${family} rule`,
    type: RTM_NEWRULE,
    flags: NLM_F.CREATE | NLM_F.EXCL,
    body: [header, attribute(FRA.PRIORITY, FIRST_PRIORITY + place), ...marks],
  });
}

/** As ip(8) takes it behind `ip rule add`; it reads a TOS as hex. */
export function ruleWords({ mark, tos, table }: Rule, place: number): string {
  return [
    `pref ${FIRST_PRIORITY + place}`,
    ...(mark === undefined ? [] : [`fwmark ${mark}`]),
    ...(tos === undefined ? [] : [`tos 0x${tos.toString(16)}`]),
    `table ${table}`,
  ].join(' ');
}
