/** Steps that change the topology in mid-case: link, sysctl, route, xfrm. */
import { isIP } from 'node:net';
import type { Change } from '../contract/program.ts';
import type { StepOf } from '../load/schema/steps.ts';
import type { Path } from '../load/yaml-file.ts';
import { choose } from './alternatives.ts';
import type { Build } from './build.ts';
import { expected } from './steps-socket.ts';

interface Plain {
  readonly error?: string | undefined;
}

function change(
  build: Build,
  step: { expect?: Plain | readonly Plain[] | undefined },
  path: Path,
  what: Change,
): void {
  const chosen = choose(step.expect, [...path, 'expect'], build.theCase, build.scope, path);
  const error = chosen.expect?.error;
  const word = error === undefined ? undefined : build.scope.word(error, [...chosen.path, 'error']);
  build.push({ do: 'change', change: what }, expected({ error: word }), chosen.where, build.scope.behaviours);
}

function namespace(build: Build, at: string | undefined, path: Path): string {
  return build.end(build.scope.word(at ?? 'sender', [...path, 'at']), [...path, 'at']).ns;
}

export function link(build: Build, step: StepOf<'link'>, path: Path): void {
  const { scope } = build;
  const at = [...path, 'link'];
  const body = step.link;
  const ns = namespace(build, body.at, at);
  const features = Object.entries(body.features ?? {}).map(([name, state]) => {
    if (typeof state === 'boolean') return [name, state];
    const value = scope.get(state.replace(/^\$/, ''));
    if (typeof value === 'boolean') return [name, value];
    return scope.fail([...at, 'features', name], `${state} is ${String(value)}`, {
      expected: 'true or false',
    });
  });
  const limit = (key: string, value: typeof body.mtu, name: string): object =>
    value === undefined ? {} : { [key]: scope.int(value, [...at, name], 0, 2 ** 31 - 1) };
  change(build, step, path, {
    kind: 'link',
    ns,
    name: build.device(ns, scope.word(body.dev, [...at, 'dev']), [...at, 'dev']),
    ...(body.mtu === undefined ? {} : { mtu: scope.int(body.mtu, [...at, 'mtu'], 0, 2 ** 31 - 1) }),
    ...(body.up === undefined ? {} : { up: body.up }),
    ...limit('gsoMaxSize', body.gso_max_size, 'gso_max_size'),
    ...limit('gsoMaxSegs', body.gso_max_segs, 'gso_max_segs'),
    ...(body.offloads ? { offloads: body.offloads } : {}),
    ...(body.features ? { features: Object.fromEntries(features) as Record<string, boolean> } : {}),
  });
}

export function sysctl(build: Build, step: StepOf<'sysctl'>, path: Path): void {
  const { scope } = build;
  const at = [...path, 'sysctl'];
  const { value } = step.sysctl;
  const evaluated =
    typeof value === 'string' && value.startsWith('$') ? scope.word(value, [...at, 'value']) : value;
  change(build, step, path, {
    kind: 'sysctl',
    ns: namespace(build, step.sysctl.at, at),
    key: scope.word(step.sysctl.key, [...at, 'key']),
    value: typeof evaluated === 'boolean' ? String(Number(evaluated)) : String(evaluated),
  });
}

export function route(build: Build, step: StepOf<'route'>, path: Path): void {
  const { scope } = build;
  const at = [...path, 'route'];
  const { to, dev, mtu, local, del } = step.route;
  const ns = namespace(build, step.route.at, at);
  change(build, step, path, {
    kind: 'route',
    ns,
    to: prefix(build, scope.word(to, [...at, 'to']), [...at, 'to']),
    dev: build.device(ns, scope.word(dev, [...at, 'dev']), [...at, 'dev']),
    ...(mtu === undefined ? {} : { mtu: scope.int(mtu, [...at, 'mtu'], 0, 2 ** 31 - 1) }),
    ...(local === undefined ? {} : { local }),
    ...(del === undefined ? {} : { del }),
  });
}

/** An end of the topology as a host route in the case's family. */
function prefix(build: Build, text: string, path: Path): string {
  if (text !== 'sender' && text !== 'receiver') return text;
  const { address } = build.endpoint({ to: text, port: null }, build.family(undefined, path), 0, path);
  return `${address}/${isIP(address) === 4 ? 32 : 128}`;
}

export function xfrm(build: Build, step: StepOf<'xfrm'>, path: Path): void {
  const { scope } = build;
  const at = [...path, 'xfrm'];
  const family = build.family(undefined, at);
  const address = (key: 'from' | 'to'): string =>
    build.endpoint({ to: scope.word(step.xfrm[key], [...at, key]), port: null }, family, 0, [...at, key])
      .address;
  const what: Change = {
    kind: 'xfrm',
    ns: namespace(build, step.xfrm.at, at),
    from: address('from'),
    to: address('to'),
  };
  change(build, step, path, what);
  build.pathChanged = true;
}
