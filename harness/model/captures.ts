/** What each capture of a case must have seen. */
import type { Action } from '../contract/program.ts';
import type { Departures } from './departures.ts';
import { placeByTime } from './launch.ts';
import type { Path } from './network.ts';
import type { ModelPacket } from './packets.ts';
import type { View } from './passage.ts';
import type { SocketState } from './socket.ts';
import type { StepModel } from './walk.ts';

interface Point {
  readonly ns: string;
  readonly dev: string;
  readonly port: number;
  packets: ModelPacket[];
  /** Why it cannot be told; empty: it can. */
  unknown: string;
}

/** Of packets that leave by the device of their route: that one and its other end. */
const MOST_DIRECT = 2;

export class Captures {
  readonly #departures: Departures;
  readonly #points = new Map<string, Point>();

  constructor(departures: Departures) {
    this.#departures = departures;
  }

  start({ capture, ns, dev, port }: Extract<Action, { do: 'capture' }>): void {
    this.#points.set(capture, { ns, dev, port, packets: [], unknown: '' });
  }

  pass({ ns, dev }: Path, views: readonly View[], sender: SocketState): void {
    const ends = new Set([ns, ...views.map((view) => view.ns)]);
    const direct = views.some((view) => view.ns === ns && view.dev === dev) && views.length <= MOST_DIRECT;
    for (const point of this.#points.values()) {
      const view = views.find((one) => one.ns === point.ns && one.dev === point.dev);
      if (view)
        placeByTime(
          point.packets,
          view.packets.filter((packet) => passes(packet, point.port, sender)),
        );
      else if (!direct && ends.has(point.ns)) point.unknown = `${dev} hands packets to another device`;
    }
  }

  lose(why: string): void {
    for (const point of this.#points.values()) point.unknown = why;
  }

  read(name: string): StepModel {
    const point = this.#points.get(name);
    if (!point) return { kind: 'unknown', why: `capture ${name} could not be started` };
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
