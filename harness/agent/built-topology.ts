/** A topology that stands: its namespaces, what is kept with them, what is known of their devices. */
import type { Indices } from './create-links.ts';
import { getLink } from './links.ts';
import type { LinkInfo } from './links.ts';
import type { Namespaces } from './namespaces.ts';
import type { Netlink } from './netlink.ts';
import type { Wire } from './tap.ts';

/** What of a device stays as it is for as long as it is there. */
export type Device = Pick<LinkInfo, 'index' | 'mac'>;

export interface BuiltNamespace {
  /** Descriptor for setns. */
  readonly fd: number;
  readonly route: Netlink;
}

/** Namespaces that stand; {@link BuiltTopology.dispose} takes them down. */
export class BuiltTopology {
  /** What was done to build it, as a person would have done it. */
  readonly setup: string[] = [];
  readonly #indices: Indices;
  readonly #spaces: ReadonlyMap<string, BuiltNamespace>;
  readonly #namespaces: Namespaces;
  readonly #kept = new Map<
    string,
    { readonly value: unknown; readonly dispose: (ending: boolean) => void }
  >();
  /** By `ns/name`. */
  readonly #devices = new Map<string, Device>();
  /** Between pairs of tap devices. */
  readonly wires: Wire[] = [];
  /** A case changed it: no other case may have it. */
  usedUp = false;

  constructor(indices: Indices, spaces: ReadonlyMap<string, BuiltNamespace>, namespaces: Namespaces) {
    this.#indices = indices;
    this.#spaces = spaces;
    this.#namespaces = namespaces;
  }

  /** Moves the thread into a namespace of this topology. */
  enter(name: string): BuiltNamespace {
    const space = this.#spaces.get(name);
    if (!space) throw new RangeError(`the topology has no namespace ${name}`);
    this.#namespaces.enter(space.fd);
    return space;
  }

  /** Descriptor of a namespace; undefined when there is none of that name. */
  descriptor(name: string): number | undefined {
    return this.#spaces.get(name)?.fd;
  }

  /** Number of a device, mostly without asking for it. @throws NetlinkError */
  index(ns: string, name: string): number {
    return this.#indices.get(`${ns}/${name}`) ?? this.device(ns, name).index;
  }

  /** Takes note of a device that stays as it is. */
  know(ns: string, name: string, device: Device): void {
    this.#devices.set(`${ns}/${name}`, device);
  }

  /** A device of this topology, asked for once: an emulated guest takes 3 ms for the answer. @throws NetlinkError */
  device(ns: string, name: string): Device {
    const key = `${ns}/${name}`;
    const known = this.#devices.get(key);
    if (known) return known;
    const device = getLink(this.enter(ns).route, name);
    this.#devices.set(key, device);
    return device;
  }

  /**
   * Something costly to make that lives as long as the topology, such as a socket; `make` runs in the namespace. `ending`:
   * the topology goes with it.
   */
  keep<T>(ns: string, key: string, make: () => T, dispose: (made: T, ending: boolean) => void): T {
    const name = `${key} ${ns}`;
    const kept = this.#kept.get(name);
    if (kept) return kept.value as T;
    this.enter(ns);
    const value = make();
    this.#kept.set(name, {
      value,
      dispose: (ending) => {
        dispose(value, ending);
      },
    });
    return value;
  }

  /** Disposes of what was kept under keys that begin with `prefix`. */
  forget(prefix: string, ending = false): void {
    for (const [name, { dispose }] of this.#kept) {
      if (!name.startsWith(prefix)) continue;
      this.#kept.delete(name);
      dispose(ending);
    }
  }

  dispose(): void {
    // Threads of libuv's pool are born where the main one is when it first needs them, and stay there: they would keep the namespace.
    this.#namespaces.leave();
    this.forget('', true);
    for (const space of this.#spaces.values()) {
      space.route.close();
      this.#namespaces.drop(space.fd);
    }
  }
}
