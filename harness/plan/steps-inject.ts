/** Steps that put frames on a device past all sockets: inject, too_big. */
import type { Action, Endpoint, Family, HeaderFaults, VnetFields } from '../contract/program.ts';
import type { FrameYaml, VnetYaml } from '../load/schema/inject.ts';
import type { StepOf } from '../load/schema/steps.ts';
import type { Path } from '../load/yaml-file.ts';
import { choose } from './alternatives.ts';
import { PORT, type Build } from './build.ts';
import { expected } from './steps-socket.ts';

type Inject = Extract<Action, { do: 'inject' }>;
type Place = Pick<Inject, 'ns' | 'dev' | 'hardware'>;

const ETHERNET = 14;
const UDP_HEADER = 8;
const CSUM_OFFSET = 6;
const NEEDS_CSUM = 1;
const GSO_UDP_L4 = 5;
const MAX_FRAME = 65535;
const MTU_MAX = 2 ** 32 - 1;

export function inject(build: Build, step: StepOf<'inject'>, path: Path): void {
  const { scope } = build;
  const at = [...path, 'inject'];
  const body = step.inject;
  const by = scope.word(body.by ?? 'packet', [...at, 'by']);
  if (by !== 'packet' && by !== 'tap')
    return scope.fail([...at, 'by'], `unknown way "${by}"`, { expected: 'packet or tap' });
  const family = build.family(undefined, at);
  const size = (key: 'bytes' | 'gso' | 'cut', most: number): number | undefined => {
    const value = body[key];
    return value === undefined ? undefined : scope.int(value, [...at, key], 0, most);
  };
  const end = scope.word(body.at ?? (by === 'tap' ? 'receiver' : 'sender'), [...at, 'at']);
  const dev = body.dev === undefined ? undefined : scope.word(body.dev, [...at, 'dev']);
  const bytes = size('bytes', MAX_FRAME) ?? 0;
  const cut = size('cut', MAX_FRAME);
  const stream = build.nextStream();
  const endpoints = (name: 'sender' | 'receiver', port: number): Endpoint =>
    build.endpoint({ to: name, port }, family, port, at);
  const action: Action = {
    do: 'inject',
    by,
    ...place(build, end, by, dev, at),
    packet: {
      kind: 'udp',
      from: endpoints('sender', PORT + 1),
      to: endpoints('receiver', PORT),
      stream,
      bytes,
      ...headerFaults(build, body.frame, at),
    },
    vnet: vnetFields(build, family, size('gso', MAX_FRAME), body.vnet, at),
    ...(cut === undefined ? {} : { cut }),
  };
  const chosen = choose(step.expect, [...path, 'expect'], build.theCase, scope, path);
  const { expect } = chosen;
  const error = expect?.error === undefined ? undefined : scope.word(expect.error, [...chosen.path, 'error']);
  build.push(action, expected({ error }), chosen.where, scope.behaviours);
  build.streams.add(stream, bytes, error === undefined && expect?.arrives !== false);
}

function headerFaults(
  build: Build,
  yaml: FrameYaml | undefined,
  path: Path,
): { readonly faults?: HeaderFaults } {
  if (!yaml) return {};
  const given = <T extends string>(
    name: T,
    key: keyof FrameYaml,
    most: number,
  ): Partial<Record<T, number>> => {
    const value = yaml[key];
    if (value === undefined) return {};
    return { [name]: build.scope.int(value, [...path, 'frame', key], 0, most) } as Partial<Record<T, number>>;
  };
  return {
    faults: {
      ...given('version', 'version', 15),
      ...given('ihl', 'ihl', 15),
      ...given('ipLength', 'ip_length', 0xffff),
      ...given('ipChecksum', 'ip_checksum', 0xffff),
      ...given('udpLength', 'udp_length', 0xffff),
      ...given('udpChecksum', 'udp_checksum', 0xffff),
    },
  };
}

function vnetFields(
  build: Build,
  family: Family,
  gso: number | undefined,
  yaml: VnetYaml | undefined,
  path: Path,
): VnetFields {
  const transport = ETHERNET + (family === 'ipv4' ? 20 : 40);
  const given = (key: keyof VnetYaml, most: number): number | undefined => {
    const value = yaml?.[key];
    return value === undefined ? undefined : build.scope.int(value, [...path, 'vnet', key], 0, most);
  };
  const whole = gso !== undefined;
  return {
    flags: given('flags', 0xff) ?? (whole ? NEEDS_CSUM : 0),
    gsoType: given('gso_type', 0xff) ?? (whole ? GSO_UDP_L4 : 0),
    hdrLen: given('hdr_len', 0xffff) ?? (whole ? transport + UDP_HEADER : 0),
    gsoSize: given('gso_size', 0xffff) ?? gso ?? 0,
    csumStart: given('csum_start', 0xffff) ?? (whole ? transport : 0),
    csumOffset: given('csum_offset', 0xffff) ?? (whole ? CSUM_OFFSET : 0),
  };
}

/** The device of an end, and the one at the other side of it: what leaves by AF_PACKET is for that one. */
function place(build: Build, end: string, by: 'packet' | 'tap', dev: string | undefined, path: Path): Place {
  const { ns } = build.end(end, path);
  const { namespaces } = build.resolved.topology;
  const links = namespaces[ns]?.links ?? [];
  const chosen = dev === undefined ? undefined : build.device(ns, dev, [...path, 'dev']);
  const link =
    (chosen === undefined
      ? (links.find(({ kind }) => kind === 'veth' || kind === 'tap') ?? links[0])
      : links.find(({ name }) => name === chosen)) ?? build.scope.fail(path, `the ${end} has no device`);
  if (by === 'tap' && link.kind !== 'tap')
    return build.scope.fail(path, `${link.name} is no tap device`, { expected: 'the topology nic' });
  const own = { ns, dev: link.name };
  if (by === 'tap') return { ...own, hardware: own };
  return { ...own, ...(link.peer ? { hardware: { ns: link.peer.ns, dev: link.peer.name } } : {}) };
}

export function tooBig(build: Build, step: StepOf<'too_big'>, path: Path): void {
  const { scope } = build;
  const at = [...path, 'too_big'];
  const { bound, family } = build.socket(step.too_big.socket, [...at, 'socket']);
  if (!bound || bound.port === 0)
    return scope.fail([...at, 'socket'], 'what it sends cannot be told by its port', {
      expected: 'a socket bound to an address and a port',
    });
  const end = scope.word(step.too_big.at ?? 'receiver', [...at, 'at']);
  const port =
    step.too_big.port === undefined ? PORT : scope.int(step.too_big.port, [...at, 'port'], 0, 65535);
  const to = build.endpoint({ to: 'receiver', port }, family, port, at);
  const from = build.endpoint({ to: end, port: 0 }, family, 0, at).address;
  const mtu = scope.int(step.too_big.mtu, [...at, 'mtu'], 0, family === 'ipv4' ? 0xffff : MTU_MAX);
  const action: Action = {
    do: 'inject',
    by: 'packet',
    ...place(build, end, 'packet', undefined, at),
    packet: { kind: 'too-big', from, to: bound.address, mtu, about: { from: bound, to } },
    vnet: vnetFields(build, family, undefined, undefined, at),
  };
  const chosen = choose(step.expect, [...path, 'expect'], build.theCase, scope, path);
  const { expect } = chosen;
  const error = expect?.error === undefined ? undefined : scope.word(expect.error, [...chosen.path, 'error']);
  build.push(action, expected({ error }), chosen.where, scope.behaviours);
}
