/** change: links, sysctls, routes and transforms in mid-case. */
import type { Expected } from '../contract/expectation.ts';
import type { Change } from '../contract/program.ts';
import { cString } from './c-text.ts';
import type { Draft } from './draft.ts';
import { setFeature, setMtu, setUp } from './helpers/devices.ts';
import { must, run, writeSysctl } from './helpers/namespaces.ts';
import { setOffloads } from './helpers/tap.ts';
import { endpoint, expectCall } from './steps-socket.ts';
import type { Of } from './steps-socket.ts';
import { offloads, tapVariable } from './taps.ts';
import { gsoLimits, routeCommands, word } from './topology.ts';
import { printTransform } from './transforms.ts';

type Kind<K extends Change['kind']> = Extract<Change, { kind: K }>;

export function change(draft: Draft, { change: what }: Of<'change'>, expected: Expected): void {
  draft.enter(what.ns);
  switch (what.kind) {
    case 'link':
      link(draft, what, expected);
      return;
    case 'sysctl':
      draft.use(writeSysctl);
      expectCall(
        draft,
        `sysctl ${what.key}=${what.value}`,
        `write_sysctl(${cString(what.key)}, ${cString(what.value)})`,
        expected,
      );
      return;
    case 'route':
      route(draft, what, expected);
      return;
    case 'xfrm':
      xfrm(draft, what, expected);
  }
}

/** Features, then what a tap device is offered, then the MTU, then the state. Where an error is expected, only one change tells where it comes from. */
function link(draft: Draft, what: Kind<'link'>, expected: Expected): void {
  const dev = word(draft, what.name);
  const changes: [text: string, c: string][] = Object.entries(what.features ?? {}).map(([name, on]) => {
    draft.use(setFeature);
    return [
      `ethtool -K ${dev} ${name} ${on ? 'on' : 'off'}`,
      `set_feature("${dev}", ${cString(name)}, ${Number(on)})`,
    ];
  });
  if (what.offloads) {
    draft.use(setOffloads);
    const tap = tapVariable(draft, what.ns, what.name);
    const bits = offloads(draft, what.offloads);
    changes.push([`ioctl(TUNSETOFFLOAD, ${dev}, ${bits})`, `set_offloads(${tap}, ${bits})`]);
  }
  if (what.mtu !== undefined) {
    draft.use(setMtu);
    changes.push([`ioctl(SIOCSIFMTU, ${dev}, ${what.mtu})`, `set_mtu("${dev}", ${what.mtu})`]);
  }
  if (what.up !== undefined) {
    draft.use(setUp);
    changes.push([
      `ioctl(SIOCSIFFLAGS, ${dev}, ${what.up ? 'up' : 'down'})`,
      `set_up("${dev}", ${Number(what.up)})`,
    ]);
  }
  const limits = gsoLimits(what);
  if (limits !== '') {
    succeeds(draft, expected, 'a limit of GSO packets');
    draft.use(must);
    draft.write(`must("ip link set ${dev}${limits}");`);
  }
  if ('error' in expected && changes.length > 1)
    draft.refuse('several changes of a link of which one must fail');
  for (const [text, c] of changes) expectCall(draft, text, c, expected);
}

/** ip(8) does not tell the errno, so that only success can be expected of what goes through it. */
function succeeds(draft: Draft, expected: Expected, what: string): void {
  if ('error' in expected) draft.refuse(`${what} that must fail with ${expected.error}`);
}

function route(draft: Draft, what: Kind<'route'>, expected: Expected): void {
  succeeds(draft, expected, 'a change of a route');
  const { set, clear, del } = routeCommands(draft, what);
  draft.use(must);
  if (!what.del && clear !== undefined) {
    draft.use(run);
    draft.write(`run("${clear}");`);
  }
  draft.write(`must("${what.del ? del : set}");`);
}

function xfrm(draft: Draft, what: Kind<'xfrm'>, expected: Expected): void {
  succeeds(draft, expected, 'a transform');
  for (const address of [what.from, what.to]) endpoint(draft, { address, port: 0 });
  printTransform(draft, what.from, what.to);
}
