/** The topology as the case has left it: which device a packet leaves by, with what MTU, and what that device takes. */
import type { Change, Family } from '../contract/program.ts';
import type { Link, Route, Rule, Topology } from '../contract/topology.ts';
import { parseAddress } from '../wire/address.ts';
import type { Queue } from './launch.ts';
import { bare, castOf, connected, isLoopback, networkOf } from './destinations.ts';
import type { Cast } from './destinations.ts';
import { deviceOf, taken } from './devices.ts';
import type { Device } from './devices.ts';
import { LearnedMtus } from './pmtu.ts';
import type { PathMtu } from './pmtu.ts';
import { chosen, inScope, tables } from './policy.ts';
import type { Selector } from './policy.ts';
import { Underivable } from './signals.ts';
import type { Rules } from './signals.ts';
import { isFarEnd } from './tunnels.ts';

/** Where a packet goes. */
export interface Path {
  readonly ns: string;
  readonly dev: string;
  /** Bytes of IP packet by the route: dst_mtu(). */
  readonly pathMtu: number;
  readonly deviceMtu: number;
  /** The address it gets when the socket has none. */
  readonly source: string;
  readonly cast: Cast;
  /** IPsec makes another packet of what is sent. */
  readonly transformed: boolean;
  /** ICMP told a path MTU below the least that is believed (pmtu.ts). */
  readonly locked?: boolean;
  /** What the path MTU is instead, if the host learned what it need not have learned. */
  readonly doubt?: PathMtu;
}

interface Space {
  readonly links: Map<string, Link>;
  readonly routes: Route[];
  readonly rules: readonly Rule[];
}

/** drivers/net/loopback.c: 64 KiB unless the topology says otherwise. */
const LO_MTU = 65536;
/** ip_mtu() and ip6_mtu() cap what a device says: IP_MAX_MTU, IP6_MAX_MTU (include/net/ip.h, ip6_fib.h). */
const MOST = { ipv4: 65535, ipv6: 65535 + 40 } as const;
const ETHERNET_MTU = 1500;
/** 0: what has no flow label gets none (ip6_make_flowlabel()). */
const AUTO_LABELS = 'net/ipv6/auto_flowlabels';

export class Network {
  readonly #spaces = new Map<string, Space>();
  /** Why nothing can be said any more; empty: everything can. */
  #lost = '';
  readonly #transforms = new Set<string>();
  readonly #labels = new Map<string, boolean>();
  readonly #learned = new LearnedMtus();

  constructor(topology: Topology) {
    for (const [name, { links, routes, rules = [], sysctls }] of Object.entries(topology.namespaces)) {
      this.#spaces.set(name, {
        links: new Map(links.map((link) => [link.name, link])),
        routes: [...routes],
        rules,
      });
      if (Object.keys(sysctls).length > 0) this.#lost = 'the topology sets sysctls';
    }
  }

  /** Does the kernel choose flow labels? */
  readonly labels = (ns: string): boolean => this.#labels.get(ns) ?? true;

  /** Does anything but the destination decide where packets go? */
  hasRules(ns: string): boolean {
    return (this.#spaces.get(ns)?.rules.length ?? 0) > 0;
  }

  /** From now on nothing can be said of where packets go. */
  lose(why: string): void {
    this.#lost = why;
  }

  change(change: Change): void {
    const space = this.#spaces.get(change.ns);
    // fib_sync_mtu(), rt6_mtu_change(): the exceptions change too, each by rules of its own.
    if (this.#learned.any && movesRoutes(change))
      this.#lost = 'something was changed after a path MTU had been learned';
    if (change.kind === 'sysctl') {
      if (change.key === AUTO_LABELS) this.#labels.set(change.ns, change.value !== '0');
      else this.#lost = `sysctl ${change.key} was set`;
    } else if (change.kind === 'xfrm')
      this.#transforms.add([change.ns, bare(change.from), bare(change.to)].join(' '));
    else if (change.kind === 'link') this.#changeLink(space, change);
    else {
      const rest = space?.routes.filter((route) => route.to !== change.to || route.table !== undefined) ?? [];
      space?.routes.splice(0, Infinity, ...rest, ...(change.del ? [] : [change]));
      // What is left of a local address without its route depends on the routes behind it.
      if (change.del) this.#lost = `the route to ${change.to} was taken away`;
    }
  }

  #changeLink(space: Space | undefined, change: Extract<Change, { kind: 'link' }>): void {
    const old = space?.links.get(change.name);
    if (!space || !old) {
      this.#lost = `a link was changed that the topology does not have`;
      return;
    }
    const { mtu = old.mtu, up = old.up, features = {} } = change;
    const { gsoMaxSize = old.gsoMaxSize, gsoMaxSegs = old.gsoMaxSegs, offloads } = change;
    space.links.set(change.name, {
      ...old,
      ...(mtu === undefined ? {} : { mtu }),
      ...(gsoMaxSize === undefined ? {} : { gsoMaxSize }),
      ...(gsoMaxSegs === undefined ? {} : { gsoMaxSegs }),
      up,
      features: { ...old.features, ...(offloads ? taken(offloads) : {}), ...features },
    });
  }

  /** The way of a packet. Null: there is none (ENETUNREACH). @throws Underivable */
  path(ns: string, family: Family, to: string, by: Selector): Path | null {
    const path = this.#route(ns, family, to, by);
    return path && this.#learned.of(path, to);
  }

  /** An ICMP message told a path MTU. `believed`: for sure. @throws Underivable */
  learn(ns: string, family: Family, to: string, mtu: number, believed: boolean): void {
    if (this.hasRules(ns)) throw new Underivable('policy rules decide which route learns a path MTU');
    const path = this.#route(ns, family, to, { mark: 0, tos: 0, bound: '' });
    if (path) this.#learned.learn(path, family, to, { mtu, believed });
  }

  #route(ns: string, family: Family, to: string, by: Selector): Path | null {
    if (this.#lost !== '') throw new Underivable(this.#lost);
    const address = parseAddress(to);
    const space = this.#spaces.get(ns);
    if (!address || !space) throw new Underivable(`no such destination: ${to}`);
    const cast = castOf(address, space.links.values());
    if (cast !== 'one') return this.#toMany(ns, family, address, by.bound, cast);
    if (isLoopback(address) || this.owns(ns, to)) return this.#local(ns, space, family, to);
    const routes = [...space.links.values()].filter(({ up }) => up).flatMap(connected);
    const all = inScope([...space.routes, ...routes], family, by);
    const best = chosen(all, address, tables(space.rules, family, by));
    if (!best) return null;
    const link = space.links.get(best.dev);
    // What waits for an address is charged to the socket, whose next sends may be refused for that.
    const hop = best.via ?? to;
    if (link?.neighbours && !(hop in link.neighbours))
      throw new Underivable(`nobody knows the hardware address of ${hop}`);
    const source = link?.addresses.map(bare).find((own) => parseAddress(own)?.length === address.length);
    if (!link || source === undefined) throw new Underivable(`${best.dev} has no ${family} address`);
    if (this.#spreads(space, link)) throw new Underivable(`${link.name} has several ports to send by`);
    const deviceMtu = link.mtu ?? ETHERNET_MTU;
    const pathMtu = Math.min(best.mtu ?? deviceMtu, MOST[family]);
    const transformed = this.#transforms.has([ns, source, to].join(' '));
    return { ns, dev: best.dev, deviceMtu, pathMtu, source, cast, transformed };
  }

  /** To a group or everybody: by the device the socket is bound to, or the one of that network. */
  #toMany(ns: string, family: Family, address: Buffer, bound: string, cast: Cast): Path {
    const links = this.#spaces.get(ns)?.links;
    const dev = bound === '' ? networkOf(address, links?.values() ?? []) : bound;
    const link = links?.get(dev ?? '');
    const source = link?.addresses.map(bare).find((own) => parseAddress(own)?.length === address.length);
    if (!link || source === undefined || this.lowest(ns, link.name) !== link.name)
      throw new Underivable('nobody knows the device of what is sent to many');
    const deviceMtu = link.mtu ?? ETHERNET_MTU;
    const pathMtu = Math.min(deviceMtu, MOST[family]);
    return { ns, dev: link.name, deviceMtu, pathMtu, source, cast, transformed: false };
  }

  /** A namespace's own addresses are reached over lo, whichever device they are on. */
  #local(ns: string, space: Space, family: Family, to: string): Path {
    const deviceMtu = space.links.get('lo')?.mtu ?? LO_MTU;
    const route = space.routes.find((one) => one.local && bare(one.to) === to);
    const pathMtu = Math.min(route?.mtu ?? deviceMtu, MOST[family]);
    return { ns, dev: 'lo', deviceMtu, pathMtu, source: to, cast: 'one', transformed: false };
  }

  owns(ns: string, address: string): boolean {
    const links = this.#spaces.get(ns)?.links.values() ?? [];
    return [...links].some((link) => link.addresses.some((own) => bare(own) === address));
  }

  /** May a packet leave with this source address? */
  isOwn(ns: string, address: string): boolean {
    const bytes = parseAddress(address);
    return this.owns(ns, address) || (bytes !== undefined && isLoopback(bytes));
  }

  /** The device that a packet leaves a namespace by: below those that stand on it, or that it is a member of. */
  lowest(ns: string, dev: string): string {
    return this.#way(ns, dev).at(-1) ?? dev;
  }

  /** From a device down to the lowest. */
  #way(ns: string, dev: string): string[] {
    const links = this.#spaces.get(ns)?.links;
    const own = links?.get(dev);
    const member = [...(links?.values() ?? [])].find(({ master }) => master === dev)?.name;
    const below = own?.lower ?? own?.activePort ?? member;
    return below === undefined ? [dev] : [dev, ...this.#way(ns, below)];
  }

  /** Does a team choose among its ports anew for each packet, or take all of them? */
  #spreads({ links }: Space, { name, teamMode, activePort }: Link): boolean {
    const ports = [...links.values()].filter(({ master }) => master === name);
    return teamMode !== undefined && activePort === undefined && ports.length > 1;
  }

  readonly link = (ns: string, dev: string): Link | undefined => this.#spaces.get(ns)?.links.get(dev);

  device(ns: string, upper: string, rules: Rules): Device {
    return deviceOf(
      this.#way(ns, upper).map((name) => this.link(ns, name)),
      rules,
    );
  }

  /** What holds packets back, if anything does. */
  queue({ ns, dev }: Path): Queue {
    const link = this.link(ns, this.lowest(ns, dev));
    return { kind: link?.kind ?? 'lo', qdisc: link?.qdisc };
  }

  /** Is the wire behind this device one that takes what a NIC makes of a packet: segments, checksums filled in? */
  isNic(ns: string, dev: string): boolean {
    return this.link(ns, this.lowest(ns, dev))?.kind === 'tap';
  }

  /** The other end of a pair of veth or tap devices; null: what leaves here arrives nowhere, or (lo) right here. */
  peer(ns: string, upper: string): { ns: string; dev: string } | null {
    const dev = this.lowest(ns, upper);
    const here = this.link(ns, dev);
    if (here?.peer) return { ns: here.peer.ns, dev: here.peer.name };
    for (const [other, { links }] of this.#spaces)
      for (const link of links.values())
        if ((link.peer?.ns === ns && link.peer.name === dev) || isFarEnd(here, link, links.values()))
          return { ns: other, dev: link.name };
    return null;
  }
}

function movesRoutes(change: Change): boolean {
  return change.kind === 'route' || (change.kind === 'link' && (change.mtu ?? change.up) !== undefined);
}
