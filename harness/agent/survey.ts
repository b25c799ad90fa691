/** Tries in a scratch namespace what this kernel, and this caller, can do. */
import { existsSync } from 'node:fs';
import { errnoName } from '../abi/errno.ts';
import { TEAM_MODES } from '../contract/topology.ts';
import { createLink, getLink } from './links.ts';
import { SystemError } from './namespaces.ts';
import type { Namespaces } from './namespaces.ts';
import { NETLINK, Netlink, NetlinkError } from './netlink.ts';
import { setQdisc } from './qdisc.ts';
import { addRule } from './rules.ts';
import { closeTap, openTap } from './tap.ts';
import { setTeamMode } from './team.ts';
import { AF, IPPROTO, SOCK } from './sys.ts';
import type { SystemCalls } from './sys.ts';
import { addTransform } from './xfrm.ts';

const EAFNOSUPPORT = 'EAFNOSUPPORT';

/** For each kind null when it works, else the errno name of the attempt. Other kinds than the known ones are link kinds. */
export function survey(
  kinds: readonly string[],
  sys: SystemCalls,
  namespaces: Namespaces,
): Record<string, string | null> {
  const scratch = namespaces.create();
  const route = new Netlink(sys, NETLINK.ROUTE);
  try {
    return Object.fromEntries(kinds.map((kind) => [kind, attempt(kind, sys, route)]));
  } finally {
    route.close();
    namespaces.drop(scratch);
  }
}

function attempt(kind: string, sys: SystemCalls, route: Netlink): string | null {
  switch (kind) {
    case 'lo':
      return null;
    case 'udplite':
      return opens(sys, AF.INET, IPPROTO.UDPLITE);
    case 'ipv6':
      return existsSync('/proc/sys/net/ipv6') ? opens(sys, AF.INET6, IPPROTO.UDP) : EAFNOSUPPORT;
    case 'xfrm':
      return works(() => {
        const xfrm = new Netlink(sys, NETLINK.XFRM);
        try {
          addTransform(xfrm, '192.0.2.1', '192.0.2.2');
        } finally {
          xfrm.close();
        }
      });
    case 'rules':
      return works(() => {
        addRule(route, 'ipv4', { mark: 1, table: 1 }, 0);
        addRule(route, 'ipv6', { mark: 1, table: 1 }, 0);
      });
    case 'fq':
    case 'etf':
    case 'pfifo':
      return works(() => {
        const name = `q-${kind}`;
        createLink(route, { name, kind: 'veth', peer: { name: `${name}-peer` } });
        setQdisc(route, getLink(route, name).index, kind);
      });
    case 'team':
      return works(() => {
        for (const mode of TEAM_MODES) {
          createLink(route, { name: `s-${mode}`, kind });
          setTeamMode(sys, `s-${mode}`, getLink(route, `s-${mode}`).index, mode);
        }
      });
    case 'tap':
      return works(() => {
        closeTap(openTap(sys, 's-tap'));
      });
    default:
      return works(() => {
        const peer = kind === 'veth' ? { name: 'survey-peer' } : undefined;
        const lower = STANDING.includes(kind) ? lowerDevice(route, kind) : undefined;
        createLink(route, {
          name: `s-${kind}`,
          kind,
          peer,
          lower,
          id: NUMBERED.includes(kind) ? 1 : undefined,
        });
      });
  }
}

/** Kinds that are nothing without a number. */
const NUMBERED = ['vlan', 'vxlan'];
/** Kinds that stand on another device, which has to be an Ethernet one. */
const STANDING = ['vlan', 'macvlan', 'ipvlan'];

/** A device for one other to stand on: macvlan and ipvlan each want one to themselves (EBUSY). */
function lowerDevice(route: Netlink, kind: string): number {
  const name = `on-${kind}`;
  createLink(route, { name, kind: 'veth', peer: { name: `${name}-peer` } });
  return getLink(route, name).index;
}

function opens(sys: SystemCalls, family: number, protocol: number): string | null {
  const fd = sys.socket(family, SOCK.DGRAM | SOCK.CLOEXEC, protocol);
  if (fd < 0) return errnoName(-fd);
  sys.close(fd);
  return null;
}

function works(attempted: () => void): string | null {
  try {
    attempted();
    return null;
  } catch (error) {
    if (error instanceof NetlinkError || error instanceof SystemError) return error.errno;
    throw error;
  }
}
