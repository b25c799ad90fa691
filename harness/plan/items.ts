/** Datagram and packet items of an expectation, with the bytes each must carry. */
import type { ExpectedDatagram, ExpectedPacket, Slice } from '../contract/expectation.ts';
import type { DatagramItem, PacketItem } from '../load/schema/expect.ts';
import type { Path } from '../load/yaml.ts';
import type { Scope } from './scope.ts';
import type { Cursor } from './stream.ts';

/** Largest size and count an expectation may come to: no datagram has more bytes, no case more datagrams. */
const MAX_BYTES = 65535;
const MAX_ITEMS = 4096;

type Full<T> = Extract<T, { readonly bytes: unknown }>;

/** The item in its long form. */
function full<T extends DatagramItem | PacketItem>(item: T): Full<T> {
  return (typeof item === 'object' ? item : { bytes: item }) as Full<T>;
}

export function datagrams(
  items: readonly DatagramItem[],
  path: Path,
  scope: Scope,
  cursor: Cursor,
  buffer: number,
): ExpectedDatagram[] {
  return each(items.map(full), path, scope, (item, at) => {
    const length = scope.int(
      item.bytes,
      typeof items[at.i] === 'object' ? [...at.path, 'bytes'] : at.path,
      0,
      MAX_BYTES,
    );
    const of = item.of === undefined ? length : scope.int(item.of, [...at.path, 'of'], length, MAX_BYTES);
    const gro = item.gro === undefined ? null : scope.int(item.gro, [...at.path, 'gro'], 0, MAX_BYTES);
    const flags = (item.flags ?? []).map((flag, j) => scope.word(flag, [...at.path, 'flags', j])).sort();
    return {
      length,
      payload: slices(of, Math.min(length, buffer), item, at.path, scope, cursor),
      gro,
      flags,
    };
  });
}

export function packets(
  items: readonly PacketItem[],
  path: Path,
  scope: Scope,
  cursor: Cursor,
): ExpectedPacket[] {
  return each(items.map(full), path, scope, (item, at) => {
    const bytes = scope.int(
      item.bytes,
      typeof items[at.i] === 'object' ? [...at.path, 'bytes'] : at.path,
      0,
      MAX_BYTES,
    );
    const number = (key: 'gso_size' | 'ip_length' | 'udp_length' | 'ttl' | 'tos'): number | undefined =>
      item[key] === undefined ? undefined : scope.int(item[key], [...at.path, key], 0, MAX_BYTES);
    return defined({
      payload: slices(bytes, bytes, item, at.path, scope, cursor),
      gso: item.gso,
      gsoSize: number('gso_size'),
      checksum: item.checksum,
      ipLength: number('ip_length'),
      udpLength: number('udp_length'),
      ttl: number('ttl'),
      tos: number('tos'),
      df: item.df,
    });
  });
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

function defined<T extends object>(object: T): Defined<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Defined<T>;
}

/** Repeats each item as it says; `from_send` counts for the first of them. */
function each<I extends { readonly repeat?: unknown; readonly from_send?: unknown }, O>(
  items: readonly (I & Full<DatagramItem | PacketItem>)[],
  path: Path,
  scope: Scope,
  make: (item: I, at: { readonly i: number; readonly path: Path }) => O,
): O[] {
  const made: O[] = [];
  for (const [i, item] of items.entries()) {
    const at = [...path, i];
    const repeat = item.repeat === undefined ? 1 : scope.int(item.repeat, [...at, 'repeat'], 0, MAX_ITEMS);
    if (made.length + repeat > MAX_ITEMS) scope.fail(at, `more than ${MAX_ITEMS} items`);
    for (let n = 0; n < repeat; n++)
      made.push(make(n === 0 ? item : { ...item, from_send: undefined }, { i, path: at }));
  }
  return made;
}

function slices(
  length: number,
  keep: number,
  item: Full<DatagramItem | PacketItem>,
  path: Path,
  scope: Scope,
  cursor: Cursor,
): Slice[] {
  if (item.from_send !== undefined) {
    const send = scope.int(item.from_send, [...path, 'from_send'], 0, MAX_ITEMS);
    if (!cursor.seek(send))
      scope.fail([...path, 'from_send'], `send ${send} has not been done, or was refused`, {
        expected: 'the number of a send, counted from 0',
      });
  }
  return (
    cursor.take(length, keep) ?? scope.fail(path, `expects ${length} bytes here, but less than that was sent`)
  );
}
