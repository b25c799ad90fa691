/** Flags of sendmsg(2) and recvmsg(2) and path MTU discovery modes: include/linux/socket.h, include/uapi/linux/in.h. */

/** Bit of each message flag. */
export const MSG_FLAGS: Readonly<Record<string, number>> = {
  MSG_OOB: 0x1,
  MSG_PEEK: 0x2,
  MSG_DONTROUTE: 0x4,
  MSG_CTRUNC: 0x8,
  MSG_PROBE: 0x10,
  MSG_TRUNC: 0x20,
  MSG_DONTWAIT: 0x40,
  MSG_EOR: 0x80,
  MSG_WAITALL: 0x100,
  MSG_CONFIRM: 0x800,
  MSG_ERRQUEUE: 0x2000,
  MSG_NOSIGNAL: 0x4000,
  MSG_MORE: 0x8000,
  MSG_WAITFORONE: 0x10000,
  MSG_SENDPAGE_NOTLAST: 0x20000,
  MSG_BATCH: 0x40000,
  MSG_ZEROCOPY: 0x4000000,
  MSG_FASTOPEN: 0x20000000,
  MSG_CMSG_CLOEXEC: 0x40000000,
};

/** The bits of a list of flag names; throws RangeError on a name that does not exist. */
export function flagBits(names: readonly string[]): number {
  let bits = 0;
  for (const name of names) {
    const bit = MSG_FLAGS[name];
    if (bit === undefined) throw new RangeError(`${name} is no message flag`);
    bits |= bit;
  }
  return bits;
}

const NONE: readonly string[] = [];

/** Names of the set bits, lowest first; bits without a name as one hex number. 0..2^32-1. */
export function flagNames(bits: number): readonly string[] {
  if (bits === 0) return NONE;
  const known = named.get(bits);
  if (known) return known;
  const names: string[] = [];
  let rest = bits >>> 0;
  for (const [name, bit] of Object.entries(MSG_FLAGS)) {
    if ((rest & bit) === 0) continue;
    names.push(name);
    rest = (rest & ~bit) >>> 0;
  }
  if (rest !== 0) names.push(`0x${rest.toString(16)}`);
  named.set(bits, names);
  return names;
}

/** Worked out once: the same few combinations come with every call. */
const named = new Map<number, readonly string[]>();

/** Values of IP_MTU_DISCOVER and IPV6_MTU_DISCOVER by the end of their names, in lower case. */
export const PMTUDISC: Readonly<Record<string, number>> = {
  dont: 0,
  want: 1,
  do: 2,
  probe: 3,
  interface: 4,
  omit: 5,
};
