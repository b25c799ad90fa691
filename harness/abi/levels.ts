/** Levels of socket options and control messages: include/linux/socket.h. */
export const LEVELS: Readonly<Record<string, number>> = {
  SOL_IP: 0,
  SOL_SOCKET: 1,
  SOL_TCP: 6,
  SOL_UDP: 17,
  SOL_IPV6: 41,
  SOL_ICMPV6: 58,
  SOL_RAW: 255,
  SOL_UDPLITE: 136,
  SOL_PACKET: 263,
  SOL_NETLINK: 270,
};

const names = new Map(Object.entries(LEVELS).map(([name, number]) => [number, name]));

/** `levelName(17)` is `SOL_UDP`; a level without a name stays a number. */
export function levelName(level: number): string {
  return names.get(level) ?? String(level);
}

/** Number of a level given by name or as a number ("17", "0x11"); undefined when it is neither. */
export function levelNumber(level: string): number | undefined {
  return LEVELS[level] ?? literal(level);
}

/** A number written out in decimal or hex, so that cases can try options nobody has named; undefined otherwise. */
export function literal(text: string): number | undefined {
  return /^(?:-?\d{1,10}|0x[0-9a-f]{1,8})$/iu.test(text) ? Number(text) : undefined;
}
