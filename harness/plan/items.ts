/** Datagram and packet items of an expectation, with the bytes each must carry. */
import type { ExpectedControl, ExpectedDatagram, ExpectedPacket, Slice } from '../contract/expectation.ts';
import type { DatagramItem, PacketItem } from '../load/schema/expect.ts';
import type { Size } from '../load/schema/common.ts';
import type { Path } from '../load/yaml-file.ts';
import type { Scope } from './scope.ts';
import type { Cursor } from './stream.ts';
import { intBytes, levelOf, optionValue } from './values.ts';

/** Largest size an expectation may come to: no datagram has more bytes. */
const MAX_BYTES = 65535;
/** Most datagrams or packets one step may expect. */
const MAX_ITEMS = 4096;

/** An expectation's list of items, evaluated once and then laid along the bytes that were sent. */
abstract class Items<I extends DatagramItem | PacketItem, E> {
  readonly #items: readonly I[];
  readonly #path: Path;
  protected readonly scope: Scope;

  constructor(items: readonly I[], path: Path, scope: Scope) {
    this.#items = items;
    this.#path = path;
    this.scope = scope;
  }

  /** What one item says, and how many bytes it takes up and shows. */
  protected abstract read(
    item: Full<I>,
    path: Path,
  ): { fields: Omit<E, 'payload'>; length: number; shown: number };

  along(cursor: Cursor): E[] {
    const made: E[] = [];
    for (const [i, written] of this.#items.entries()) {
      const at = [...this.#path, i];
      const item = (typeof written === 'object' ? written : { bytes: written }) as Full<I>;
      const repeat =
        item.repeat === undefined ? 1 : this.scope.int(item.repeat, [...at, 'repeat'], 0, MAX_ITEMS);
      if (made.length + repeat > MAX_ITEMS) this.scope.fail(at, `more than ${MAX_ITEMS} items`);
      if (repeat === 0) continue;
      const { fields, length, shown } = this.read(item, at);
      if (item.from_send !== undefined) this.#seek(item.from_send, [...at, 'from_send'], cursor);
      for (let n = 0; n < repeat; n++)
        made.push({ ...fields, payload: this.#slices(cursor, length, shown, at) } as E);
    }
    return made;
  }

  protected number(value: Size | undefined, path: Path, least = 0): number | undefined {
    return value === undefined ? undefined : this.scope.int(value, path, least, MAX_BYTES);
  }

  /** `bytes`, which may be all there is to an item. */
  protected size(item: { readonly bytes: Size }, path: Path): number {
    const i = path.at(-1);
    const written = typeof i === 'number' ? this.#items[i] : undefined;
    return this.scope.int(item.bytes, typeof written === 'object' ? [...path, 'bytes'] : path, 0, MAX_BYTES);
  }

  #seek(from: Size, path: Path, cursor: Cursor): void {
    const send = this.scope.int(from, path, 0, MAX_ITEMS);
    if (!cursor.seek(send))
      this.scope.fail(path, `send ${send} has not been done, or was refused`, {
        expected: 'the number of a send, counted from 0',
      });
  }

  #slices(cursor: Cursor, length: number, shown: number, path: Path): Slice[] {
    return (
      cursor.take(length, shown) ??
      this.scope.fail(path, `expects ${length} bytes here, but less than that was sent`)
    );
  }
}

type Full<T> = Extract<T, { readonly bytes: unknown }>;

class Datagrams extends Items<DatagramItem, ExpectedDatagram> {
  readonly #buffer: number;

  constructor(items: readonly DatagramItem[], path: Path, scope: Scope, buffer: number) {
    super(items, path, scope);
    this.#buffer = buffer;
  }

  protected override read(item: Full<DatagramItem>, path: Path) {
    const length = this.size(item, path);
    const gro = this.number(item.gro, [...path, 'gro']) ?? null;
    const flags = (item.flags ?? []).map((flag, j) => this.scope.word(flag, [...path, 'flags', j])).sort();
    const afterMs = this.number(item.after, [...path, 'after']);
    return {
      fields: {
        ...{ length, gro, flags },
        ...(afterMs === undefined ? {} : { afterMs }),
        ...(item.control ? { control: this.#control(item.control, [...path, 'control']) } : {}),
      },
      length: this.number(item.of, [...path, 'of'], length) ?? length,
      shown: Math.min(length, this.#buffer),
    };
  }

  #control(messages: NonNullable<Full<DatagramItem>['control']>, path: Path): ExpectedControl[] {
    return Object.entries(messages).map(([type, written]) => {
      const value = optionValue(type, written, [...path, type], this.scope);
      const hex = 'int' in value ? intBytes(value.int, 4) : 'hex' in value ? value.hex : '';
      return { level: levelOf(type), type, hex };
    });
  }
}

class Packets extends Items<PacketItem, ExpectedPacket> {
  protected override read(item: Full<PacketItem>, path: Path) {
    const length = this.size(item, path);
    const at = (key: string): Path => [...path, key];
    const fields = {
      gso: item.gso,
      gsoSize: this.number(item.gso_size, at('gso_size')),
      checksum: item.checksum,
      ipLength: this.number(item.ip_length, at('ip_length')),
      udpLength: this.number(item.udp_length, at('udp_length')),
      outerChecksum: item.outer_checksum,
      outerIpLength: this.number(item.outer_ip_length, at('outer_ip_length')),
      outerUdpLength: this.number(item.outer_udp_length, at('outer_udp_length')),
      outerTtl: this.number(item.outer_ttl, at('outer_ttl')),
      outerTos: this.number(item.outer_tos, at('outer_tos')),
      outerDf: item.outer_df,
      ttl: this.number(item.ttl, at('ttl')),
      tos: this.number(item.tos, at('tos')),
      df: item.df,
      priority: this.number(item.priority, at('priority')),
      afterMs: this.number(item.after, at('after')),
    };
    return { fields: defined(fields), length, shown: length };
  }
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function defined<T extends object>(object: T): Defined<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Defined<T>;
}

/** `buffer`: bytes a read can hold; what is longer is shown cut. */
export function datagrams(
  items: readonly DatagramItem[],
  path: Path,
  scope: Scope,
  cursor: Cursor,
  buffer: number,
): ExpectedDatagram[] {
  return new Datagrams(items, path, scope, buffer).along(cursor);
}

export function packets(
  items: readonly PacketItem[],
  path: Path,
  scope: Scope,
  cursor: Cursor,
): ExpectedPacket[] {
  return new Packets(items, path, scope).along(cursor);
}
