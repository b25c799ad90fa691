/** Expectations as C: return values, and tables of datagrams and packets. */
import { errnoNumber } from '../abi/errno.ts';
import type {
  Expected,
  ExpectedControl,
  ExpectedDatagram,
  ExpectedPacket,
  Slice,
} from '../contract/expectation.ts';
import { cBytes, cString } from './c-text.ts';
import type { Draft } from './draft.ts';
import { PACKET_FIELDS } from './helpers/packets.ts';
import type { PacketField } from './helpers/packets.ts';

/** `struct virtio_net_hdr.gso_type` by the names that evidence uses. */
const GSO: Readonly<Record<string, number>> = { none: 0, tcpv4: 1, udp: 3, tcpv6: 4, 'udp-l4': 5 };
const CHECKSUM: Readonly<Record<string, string>> = {
  good: 'CHECKSUM_GOOD',
  bad: 'CHECKSUM_BAD',
  partial: 'CHECKSUM_PARTIAL',
  zero: 'CHECKSUM_ZERO',
  misplaced: 'CHECKSUM_MISPLACED',
  fragment: 'CHECKSUM_FRAGMENT',
};

/** The third operand of expect(): minus an errno, a number, or any success. */
export function wanted(draft: Draft, expected: Expected): string {
  if ('error' in expected) return errno(draft, expected.error);
  if ('ok' in expected && expected.returns !== undefined) return String(expected.returns);
  return 'ANY';
}

/** `-EMSGSIZE` */
export function errno(draft: Draft, name: string): string {
  const number = errnoNumber(name);
  if (number === undefined) return draft.refuse(`${name} is no errno`);
  draft.include('errno.h');
  draft.constants.set(name, number);
  return `-${name}`;
}

/** `(struct datagram[]){ … }` as lines, and how many items; NULL for none. `timed`: they have a member for it. */
export function datagramTable(draft: Draft, list: readonly ExpectedDatagram[], timed: boolean): Table {
  return table('datagram', list, (item) => [
    `.length = ${item.length}`,
    `.gro = ${item.gro ?? 'NO_GRO'}`,
    ...(item.flags.length === 0 ? [] : [`.flags = ${draft.flags(item.flags)}`]),
    ...(timed ? [`.after_ms = ${item.afterMs ?? -1}`] : []),
    parts(draft, item.payload),
    ...controls(draft, item.control ?? []),
  ]);
}

/** Messages that must come along. */
function controls(draft: Draft, list: readonly ExpectedControl[]): string[] {
  if (list.length === 0) return [];
  const items = list.map(({ level, type, hex }) => {
    const data = Buffer.from(hex, 'hex');
    const names = `${draft.level(level)}, ${draft.option(type)}, ${cString(type)}`;
    return `{ ${names}, ${cBytes(data)}, ${data.length} }`;
  });
  return [`.control = (struct came[]){ ${items.join(', ')} }, .controls = ${items.length}`];
}

/** Is any asked for in this case? */
export function hasControls(draft: Draft): boolean {
  return draft.planned.expectations.some(
    ({ expected }) => 'datagrams' in expected && expected.datagrams.some(({ control }) => control?.length),
  );
}

/** The same for packets; `fields` are all that the case states anywhere. */
export function packetTable(
  draft: Draft,
  list: readonly ExpectedPacket[],
  fields: ReadonlySet<PacketField>,
): Table {
  return table('packet', list, (item) => {
    const stated = statedFields(draft, item);
    return [
      ...[...fields].map((field) => `.${field} = ${stated.get(field) ?? -1}`),
      parts(draft, item.payload),
    ];
  });
}

/** What a packet states, as C. */
export function statedFields(draft: Draft, packet: ExpectedPacket): Map<PacketField, string | number> {
  const fields = new Map<PacketField, string | number>();
  for (const [key, value] of Object.entries(packet) as [string, unknown][]) {
    if (key === 'payload' || value === undefined) continue;
    if (!(key in PACKET_FIELDS)) draft.refuse(`packets of which ${key} is stated`);
    fields.set(PACKET_FIELDS[key as keyof typeof PACKET_FIELDS], fieldValue(draft, key, value));
  }
  return fields;
}

function fieldValue(draft: Draft, key: string, value: unknown): string | number {
  if (typeof value === 'boolean') return Number(value);
  if (typeof value === 'number') return value;
  const names = key === 'gso' ? GSO : /checksum$/iu.test(key) ? CHECKSUM : undefined;
  const known = names?.[String(value)];
  return known ?? draft.refuse(`packets with ${key} ${String(value)}`);
}

function parts(draft: Draft, payload: readonly Slice[]): string {
  const real = payload.filter(({ length }) => length > 0);
  draft.span = Math.max(draft.span, real.length);
  const items = real.map(({ stream, at, length }) => `{ ${stream}, ${at}, ${length} }`);
  return `.part = { ${items.length === 0 ? '{ 0, 0, 0 }' : items.join(', ')} }`;
}

/** An array literal, line by line, and its length. */
export interface Table {
  readonly lines: readonly string[];
  readonly items: number;
}

interface Item {
  readonly payload: readonly Slice[];
}

function table<T extends Item>(
  type: string,
  list: readonly T[],
  fields: (item: T) => readonly string[],
): Table {
  if (list.length === 0) return { lines: ['NULL'], items: 0 };
  const runs: { first: T; count: number }[] = [];
  for (const item of list) {
    const last = runs.at(-1);
    if (last && follows(last.first, last.count, item)) last.count++;
    else runs.push({ first: item, count: 1 });
  }
  const lines = runs.map(({ first, count }) => `\t{ .count = ${count}, ${fields(first).join(', ')} },`);
  return { lines: [`(struct ${type}[]){`, ...lines, '}'], items: runs.length };
}

/** Is `item` what comes `count` places after `first` in an even row? */
function follows<T extends Item>(first: T, count: number, item: T): boolean {
  const [slice, ...more] = first.payload;
  if (!slice || more.length > 0 || slice.length === 0) return false;
  const shifted = { ...first, payload: [{ ...slice, at: slice.at + count * slice.length }] };
  return JSON.stringify(ordered(shifted)) === JSON.stringify(ordered(item));
}

function ordered(item: Item): unknown {
  const entries = Object.entries(item) as [string, unknown][];
  return [
    item.payload.map(({ stream, at, length }) => [stream, at, length]),
    entries.filter(([key]) => key !== 'payload').sort(([a], [b]) => (a < b ? -1 : 1)),
  ];
}

/** All fields that packets of the case state anywhere, in the contract's order. */
export function fieldsOf(draft: Draft): ReadonlySet<PacketField> {
  const stated = new Set<PacketField>();
  for (const { expected } of draft.planned.expectations) {
    if (!('packets' in expected)) continue;
    for (const packet of expected.packets)
      for (const field of statedFields(draft, packet).keys()) stated.add(field);
  }
  return new Set(Object.values(PACKET_FIELDS).filter((field) => stated.has(field)));
}
