/** Control messages of a send, by the rules of udp_cmsg_send(), ip_cmsg_send() and ip6_datagram_send_ctl(). */
import { levelNumber } from '../abi/levels.ts';
import { resolveOption, optionName } from '../abi/options.ts';
import type { ControlMessage, Family } from '../contract/program.ts';
import { formatAddress } from '../wire/address.ts';
import type { Launch } from './launch.ts';
import { Refused, Underivable } from './signals.ts';
import { priorityOfTos } from './socket.ts';

/** What control messages said; absent: nothing. */
export interface Said {
  gso?: number;
  tos?: number;
  priority?: number;
  ttl?: number;
  mark?: number;
  /** IPv4 options, not filled up yet. */
  options?: Buffer;
  hopByHop?: Buffer;
  destination?: Buffer;
  /** Source address; `0.0.0.0` and `::` leave it to the route. */
  source?: string;
  /** Index of the device it leaves by. */
  ifindex?: number;
  /** 1..0xfffff */
  flowLabel?: number;
  dontFragment?: boolean;
  launch?: Launch;
}

function data(value: ControlMessage['value']): Buffer {
  if ('hex' in value) return Buffer.from(value.hex, 'hex');
  const bytes = Buffer.alloc(8);
  if ('txtime' in value) return bytes;
  if ('u8' in value) return bytes.subarray(0, bytes.writeUInt8(value.u8));
  if ('u16' in value) return bytes.subarray(0, bytes.writeUInt16LE(value.u16));
  if ('int' in value) return bytes.subarray(0, bytes.writeInt32LE(value.int));
  bytes.writeBigUInt64LE(BigInt(value.u64));
  return bytes;
}

interface One {
  readonly value: ControlMessage['value'];
  readonly level: number | undefined;
  readonly name: string;
  readonly data: Buffer;
}

const CMSG_HEADER = 16;
const align = (length: number): number => (length + 7) & ~7;

/** As for_each_cmsghdr() sees them; `length` overrides what a message says of itself. */
function laidOut(list: readonly ControlMessage[]): One[] {
  const total = list.reduce((sum, { value }) => sum + align(CMSG_HEADER + data(value).length), 0);
  let at = 0;
  return list.map(({ level, type, value, length }, i) => {
    const bytes = data(value);
    const room = align(CMSG_HEADER + bytes.length);
    const said = length ?? CMSG_HEADER + bytes.length;
    // CMSG_OK(); cmsg_len is unsigned.
    if (said < CMSG_HEADER || at + said > total) throw new Refused('EINVAL');
    const last = i === list.length - 1;
    if (last ? at + align(said) + CMSG_HEADER <= total : align(said) !== room)
      throw new Underivable('a control message says a length that makes another one begin within it');
    at += room;
    const padded = Buffer.concat([bytes, Buffer.alloc(room)]);
    return {
      level: levelNumber(level),
      name: nameOf(level, type),
      value,
      data: padded.subarray(0, said - CMSG_HEADER),
    };
  });
}

/** @throws Refused, Underivable */
export function readControl(list: readonly ControlMessage[], family: Family, launches: boolean): Said {
  const said: Said = {};
  const all = laidOut(list);
  // udp_cmsg_send() goes over all of them first; whatever else it is, a SOL_UDP message must be UDP_SEGMENT with a u16.
  for (const { level, name, data: bytes } of all) {
    if (level !== LEVEL.udp) continue;
    if (name !== 'UDP_SEGMENT' || bytes.length !== 2) throw new Refused('EINVAL');
    said.gso = bytes.readUInt16LE();
  }
  const own = family === 'ipv4' ? LEVEL.ip : LEVEL.ipv6;
  for (const { level, name, value, data: bytes } of all) {
    if (family === 'ipv4' && level === LEVEL.ipv6 && name === 'IPV6_PKTINFO')
      throw new Underivable('IPV6_PKTINFO counts on an IPv6 socket only');
    // Other levels are passed over.
    if (level !== own && level !== LEVEL.socket) continue;
    if (level === LEVEL.socket && name === LAUNCH) {
      said.launch = launchTime(bytes, value, launches);
      continue;
    }
    const rule = level === own ? (family === 'ipv4' ? IPV4 : IPV6)[name] : SOCKET[name];
    if (rule) rule(bytes, said);
    else if (/^\d+$/u.test(name)) throw new Refused('EINVAL');
    else throw new Underivable(`there is no rule for the control message ${name}`);
  }
  return said;
}

const LEVEL = {
  udp: levelNumber('SOL_UDP'),
  ip: levelNumber('SOL_IP'),
  ipv6: levelNumber('SOL_IPV6'),
  socket: levelNumber('SOL_SOCKET'),
} as const;

function nameOf(level: string, type: string): string {
  const resolved = resolveOption(level, type);
  return optionName(resolved.level, resolved.number);
}

type Rule = (bytes: Buffer, said: Said) => void;

function int(bytes: Buffer, least: number, most: number): number {
  if (bytes.length !== 4) throw new Refused('EINVAL');
  const value = bytes.readInt32LE();
  if (value < least || value > most) throw new Refused('EINVAL');
  return value;
}

/** SCM_TXTIME, by the name of the option of that number. */
const LAUNCH = 'SO_TXTIME';
const NS_PER_MS = 1e6;

/** __sock_cmsg_send(): a u64, on a socket with SO_TXTIME. */
function launchTime(bytes: Buffer, value: ControlMessage['value'], launches: boolean): Launch {
  if (!launches || bytes.length !== 8) throw new Refused('EINVAL');
  if (!('txtime' in value)) throw new Underivable('a launch time that is not relative to the send');
  return { clock: value.txtime.clock, deltaMs: value.txtime.delta / NS_PER_MS };
}

/** SOF_TIMESTAMPING_TX_HARDWARE, _SOFTWARE, _SCHED and _ACK; _COMPLETION: include/uapi/linux/net_tstamp.h. */
const STAMPS = { all: 0x303, completion: 1 << 18 } as const;

/** __sock_cmsg_send(): these two belong to other families and mean nothing here. */
const SOCKET: Readonly<Record<string, Rule>> = {
  SCM_RIGHTS: () => undefined,
  SCM_CREDENTIALS: () => undefined,
  SO_MARK: (bytes, said) => {
    said.mark = int(bytes, -(2 ** 31), 2 ** 31 - 1);
  },
  // Only what asks for stamps of what is sent (SOF_TIMESTAMPING_TX_RECORD_MASK; since 6.15 also of completion).
  SO_TIMESTAMPING: (bytes) => {
    const flags = int(bytes, 0, 2 ** 31 - 1);
    if ((flags & STAMPS.completion) !== 0) throw new Underivable('there is no rule for TX_COMPLETION');
    if ((flags & ~STAMPS.all) !== 0) throw new Refused('EINVAL');
  },
};

/** net/ipv4/ip_sockglue.c: IP_TOS also comes as one byte, a TTL of 0 is none. */
const IPV4: Readonly<Record<string, Rule>> = {
  IP_TOS: (bytes, said) => {
    said.tos = bytes.length === 1 ? bytes.readUInt8() : int(bytes, 0, 255);
    said.priority = priorityOfTos(said.tos);
  },
  IP_RETOPTS: (bytes, said) => {
    said.options = bytes;
  },
  IP_TTL: (bytes, said) => {
    said.ttl = int(bytes, 1, 255);
  },
  // struct in_pktinfo: index, local address, and one that sends do not look at.
  IP_PKTINFO: (bytes, said) => {
    if (bytes.length !== 12) throw new Refused('EINVAL');
    said.ifindex = bytes.readInt32LE();
    said.source = formatAddress(bytes.subarray(4, 8));
  },
};

const FLOW_LABEL = 0xfffff;
/** IPV6_SRCRT_TYPE_2; segment routing headers come by socket option only. */
const MOBILITY_ROUTE = 2;

/** net/ipv6/datagram.c: -1 stands for the default; headers say their own length in units of 8 bytes less one. */
const IPV6: Readonly<Record<string, Rule>> = {
  IPV6_HOPLIMIT: (bytes, said) => {
    said.ttl = int(bytes, -1, 255);
  },
  IPV6_TCLASS: (bytes, said) => {
    said.tos = int(bytes, -1, 255);
  },
  IPV6_HOPOPTS: (bytes, said) => {
    said.hopByHop = header(bytes);
  },
  IPV6_DSTOPTS: (bytes, said) => {
    said.destination = header(bytes);
  },
  // struct in6_pktinfo: address, index.
  IPV6_PKTINFO: (bytes, said) => {
    if (bytes.length < 20) throw new Refused('EINVAL');
    said.source = formatAddress(bytes.subarray(0, 16));
    said.ifindex = bytes.readInt32LE(16);
  },
  IPV6_FLOWINFO: (bytes, said) => {
    if (bytes.length < 4) throw new Refused('EINVAL');
    said.flowLabel = bytes.readUInt32BE() & FLOW_LABEL;
  },
  IPV6_DONTFRAG: (bytes, said) => {
    said.dontFragment = int(bytes, 0, 1) === 1;
  },
  IPV6_RTHDR: (bytes) => {
    if (bytes.length < 4 || bytes[2] !== MOBILITY_ROUTE) throw new Refused('EINVAL');
    throw new Underivable('routing headers of type 2 depend on how the kernel was built (CONFIG_IPV6_MIP6)');
  },
};

function header(bytes: Buffer): Buffer {
  const length = bytes.length < 2 ? Infinity : (bytes.readUInt8(1) + 1) * 8;
  if (bytes.length < length) throw new Refused('EINVAL');
  return bytes.subarray(0, length);
}
