/**
 * Team devices: rtnetlink makes one and adds ports, but what it does with a packet is told over generic netlink
 * (include/uapi/linux/if_team.h). Without a mode it drops everything (team_dummy_transmit()).
 */
import type { TeamMode } from '../contract/topology.ts';
import { GenericNetlink } from './generic-netlink.ts';
import { attribute, nested } from './netlink-message.ts';
import { NetlinkError } from './netlink.ts';
import type { SystemCalls } from './sys.ts';

const TEAM_CMD_OPTIONS_SET = 1;
const ATTR = { TEAM_IFINDEX: 1, LIST_OPTION: 2 } as const;
const ITEM_OPTION = 1;
const OPTION = { NAME: 1, TYPE: 3, DATA: 4 } as const;
/** Types of options by the kernel's own numbers of attribute types: include/net/netlink.h. */
const NLA = { U32: 3, STRING: 5 } as const;

/**
 * After a change the kernel tells the family's group of it, and answers the request with what became of that news
 * (team_nl_send_event_options_get()): the change itself is done.
 */
const NOBODY_LISTENS = 'ESRCH';

/** Only a team without ports takes a mode (EBUSY). */
export function setTeamMode(sys: SystemCalls, name: string, index: number, mode: TeamMode): void {
  setOption(sys, `cannot set ${name} mode ${mode}`, index, 'mode', mode);
}

/** activebackup: the port that packets leave by; until one is set they are dropped. `port`: its index. */
export function setActivePort(sys: SystemCalls, name: string, index: number, port: number): void {
  setOption(sys, `cannot set ${name} activeport ${port}`, index, 'activeport', port);
}

function setOption(
  sys: SystemCalls,
  what: string,
  index: number,
  name: string,
  value: string | number,
): void {
  const family = new GenericNetlink(sys, 'team');
  try {
    const option = nested(
      ITEM_OPTION,
      attribute(OPTION.NAME, name),
      attribute(OPTION.TYPE, Buffer.of(typeof value === 'string' ? NLA.STRING : NLA.U32)),
      attribute(OPTION.DATA, value),
    );
    const attributes = [attribute(ATTR.TEAM_IFINDEX, index), nested(ATTR.LIST_OPTION, option)];
    family.request(what, TEAM_CMD_OPTIONS_SET, attributes);
  } catch (error) {
    if (!(error instanceof NetlinkError) || error.errno !== NOBODY_LISTENS) throw error;
  } finally {
    family.close();
  }
}
