/** Path MTUs that a host learned by ICMP: exceptions of its routes, one for each destination. Sizes in bytes. */
import type { Family } from '../contract/program.ts';
import type { Path } from './network.ts';

export interface PathMtu {
  readonly mtu: number;
  /** Of packets to that destination the don't-fragment flag is no longer set (ip_mtu_locked()). */
  readonly locked: boolean;
}

/** net.ipv4.route.min_pmtu. */
const LEAST_IPV4 = 552;
/** RFC 8201, 4: a node must not reduce its estimate below the least MTU of IPv6; so IPV6_MIN_MTU in __ip6_rt_update_pmtu(). */
const LEAST_IPV6 = 1280;

/** What comes of a path MTU when a message tells another one. */
export function told(old: PathMtu, family: Family, mtu: number): PathMtu {
  if (family === 'ipv6') return mtu >= LEAST_IPV6 && mtu < old.mtu ? { mtu, locked: false } : old;
  // __ip_rt_update_pmtu(): less than the least is not believed, but packets may be cut from then on.
  if (old.locked || mtu > old.mtu) return old;
  return mtu < LEAST_IPV4 ? { mtu: Math.min(old.mtu, LEAST_IPV4), locked: true } : { mtu, locked: false };
}

/** They outlive no case: IPv4 keeps them for 10 minutes (net.ipv4.route.mtu_expires), IPv6 as long (net.ipv6.route.mtu_expires). */
export class LearnedMtus {
  /** What is there at least and what at most was learned; the same object: it is certain. */
  readonly #exceptions = new Map<string, { readonly sure: PathMtu; readonly perhaps: PathMtu }>();

  get any(): boolean {
    return this.#exceptions.size > 0;
  }

  /**
   * All sockets of the namespace go by it, also connected ones: update_or_create_fnhe() and rt6_insert_exception() make the routes
   * that they hold stale. `believed`: false where kernels differ whether the route learns.
   */
  learn(
    path: Path,
    family: Family,
    to: string,
    { mtu, believed }: { readonly mtu: number; readonly believed: boolean },
  ): void {
    const before: PathMtu = { mtu: path.pathMtu, locked: false };
    const { sure, perhaps } = this.#exceptions.get(key(path, to)) ?? { sure: before, perhaps: before };
    this.#exceptions.set(key(path, to), {
      sure: believed ? told(sure, family, mtu) : sure,
      perhaps: told(perhaps, family, mtu),
    });
  }

  of(path: Path, to: string): Path {
    const learned = this.#exceptions.get(key(path, to));
    if (!learned) return path;
    const { sure, perhaps } = learned;
    const certain = sure.mtu === perhaps.mtu && sure.locked === perhaps.locked;
    return { ...path, pathMtu: sure.mtu, locked: sure.locked, ...(certain ? {} : { doubt: perhaps }) };
  }
}

/** An exception belongs to a next hop, of which the model knows one for each device. */
function key({ ns, dev }: Path, to: string): string {
  return [ns, dev, to].join(' ');
}
