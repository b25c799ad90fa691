/** What each capture of a case must have seen. */
import type { Action } from '../contract/program.ts';
import type { Departures } from './departures.ts';
import { placeByTime } from './launch.ts';
import type { Network, Path } from './network.ts';
import type { ModelPacket } from './packets.ts';
import type { SocketState } from './socket.ts';
import { tagsOf } from './tags.ts';
import type { StepModel } from './walk.ts';

interface Point {
  readonly ns: string;
  readonly dev: string;
  readonly port: number;
  packets: ModelPacket[];
  /** Why it cannot be told; empty: it can. */
  unknown: string;
}

export class Captures {
  readonly #network: Network;
  readonly #departures: Departures;
  readonly #points = new Map<string, Point>();

  constructor(network: Network, departures: Departures) {
    this.#network = network;
    this.#departures = departures;
  }

  start({ capture, ns, dev, port }: Extract<Action, { do: 'capture' }>): void {
    this.#points.set(capture, { ns, dev, port, packets: [], unknown: '' });
  }

  /** Packets leave by the device below the one of their route, and come in at its other end (`far`). Null: in IP fragments. */
  pass(
    { ns, dev }: Path,
    near: readonly ModelPacket[] | null,
    far: readonly ModelPacket[] | null,
    sender: SocketState,
  ): void {
    const peer = this.#network.peer(ns, dev);
    const lowest = this.#network.lowest(ns, dev);
    for (const point of this.#points.values()) {
      const here = point.ns === ns && point.dev === lowest;
      const there = point.ns === peer?.ns && point.dev === peer.dev;
      if (!here && !there) {
        if (lowest !== dev && (point.ns === ns || point.ns === peer?.ns))
          point.unknown = `${dev} hands packets to another device`;
        continue;
      }
      const packets = here ? near : far;
      if (!packets) point.unknown = 'the datagram is cut into IP fragments';
      else
        placeByTime(
          point.packets,
          packets
            .filter((packet) => passes(packet, point.port, sender))
            .map((packet) => ({ ...packet, vlan: tagsOf(this.#network, ns, dev, packet.priority) })),
        );
    }
  }

  lose(why: string): void {
    for (const point of this.#points.values()) point.unknown = why;
  }

  read(name: string): StepModel {
    const point = this.#points.get(name);
    if (!point) throw new RangeError(`no capture ${name} was started`);
    const { packets, unknown } = point;
    point.packets = [];
    if (!packets.every(({ leaves }) => this.#departures.hasLeft(leaves)))
      return { kind: 'unknown', why: 'nobody waited for the last of them' };
    return unknown === '' ? { kind: 'packets', packets } : { kind: 'unknown', why: unknown };
  }
}

function passes({ from, to, fragment }: ModelPacket, port: number, { bound }: SocketState): boolean {
  // Later fragments have no ports: a capture takes them all.
  return (fragment?.offset ?? 0) > 0 || to.port === port || (bound ? from.port === port : false);
}
