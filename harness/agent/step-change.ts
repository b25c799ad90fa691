/** change: links, sysctls, routes and transforms in mid-case. A refusal is evidence, like that of any system call. */
import { errnoNumber } from '../abi/errno.ts';
import type { StepEvidence } from '../contract/evidence.ts';
import type { Change } from '../contract/program.ts';
import type { TapOffload } from '../contract/topology.ts';
import { addRoute, deleteRoute } from './addresses.ts';
import type { Case } from './case.ts';
import { Ethtool, FeatureError } from './ethtool.ts';
import { changeWords, setLink } from './links.ts';
import { SystemError } from './namespaces.ts';
import { NETLINK, Netlink, NetlinkError } from './netlink.ts';
import { outcome, result } from './notation.ts';
import { writeSysctl } from './sysctl.ts';
import { setOffloads } from './tap.ts';
import { tap } from './create-links.ts';
import { addTransform } from './xfrm.ts';

export function change(run: Case, what: Change): StepEvidence {
  run.topology.usedUp = true;
  const { route } = run.topology.enter(what.ns);
  const call = `${what.ns}: ${describe(what)}`;
  try {
    apply(run, what, route);
    return { ret: 0, calls: [`${call}${result(0)}`] };
  } catch (error) {
    const ret = -errnoOf(error);
    return { ...outcome(ret), calls: [`${call}${result(ret)}  # ${(error as Error).message}`] };
  }
}

function apply(run: Case, what: Change, route: Netlink): void {
  switch (what.kind) {
    case 'link': {
      if (what.features) new Ethtool(run.own, what.name).set(what.features);
      if (what.offloads) offer(run, what.ns, what.name, what.offloads);
      if (changeWords(what) !== '') setLink(route, what.name, run.topology.index(what.ns, what.name), what);
      return;
    }
    case 'sysctl':
      writeSysctl(what.key, what.value);
      return;
    case 'route': {
      const request = { ...what, index: run.topology.index(what.ns, what.dev) };
      if (what.del) deleteRoute(route, request);
      else addRoute(route, request);
      return;
    }
    case 'xfrm': {
      const xfrm = new Netlink(run.own, NETLINK.XFRM);
      try {
        addTransform(xfrm, what.from, what.to);
      } finally {
        xfrm.close();
      }
    }
  }
}

function offer(run: Case, ns: string, name: string, offloads: readonly TapOffload[]): void {
  const ret = setOffloads(run.own, tap(run.topology, run.own, ns, name), offloads);
  if (ret < 0) throw new SystemError('ioctl(TUNSETOFFLOAD)', ret);
}

/** Errors without an errno are the agent's or the case's own and go up. */
function errnoOf(error: unknown): number {
  const name =
    error instanceof NetlinkError || error instanceof SystemError || error instanceof FeatureError
      ? error.errno
      : (error as NodeJS.ErrnoException).code;
  const number = name === undefined ? undefined : errnoNumber(name);
  if (number === undefined) throw error;
  return number;
}

/** Much as ip(8), sysctl(8) and ethtool(8) would be called. */
function describe(what: Change): string {
  switch (what.kind) {
    case 'link': {
      const features = Object.entries(what.features ?? {}).map(
        ([name, on]) => `${name} ${on ? 'on' : 'off'}`,
      );
      const offloads = what.offloads ? [`offloads ${what.offloads.join(' ') || 'none'}`] : [];
      const words = [changeWords(what), ...features, ...offloads].filter((word) => word !== '');
      return `link set ${what.name} ${words.join(' ')}`;
    }
    case 'sysctl':
      return `sysctl ${what.key}=${what.value}`;
    case 'route': {
      const mtu = what.mtu === undefined ? '' : ` mtu ${what.mtu}`;
      return `route ${what.del ? 'del' : 'replace'} ${what.local ? 'local ' : ''}${what.to} dev ${what.dev}${mtu}`;
    }
    case 'xfrm':
      return `xfrm policy add src ${what.from} dst ${what.to} dir out tmpl proto esp`;
  }
}
