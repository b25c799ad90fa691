/** Steps on one socket that move no data: open, bind, connect, set, get, close, queue. */
import { payload } from '../agent/payload.ts';
import type { Expected } from '../contract/expectation.ts';
import type { Action, Endpoint, OptionValue } from '../contract/program.ts';
import type { OptionValueYaml, Size } from '../load/schema/common.ts';
import type { StepOf } from '../load/schema/steps.ts';
import type { Path } from '../load/yaml-file.ts';
import { choose } from './alternatives.ts';
import { PORT, type Addressing, type Build, type OpenSocket } from './build.ts';
import { intBytes, levelOf, optionValue } from './values.ts';
import { zeroSumPort } from './zero-sum.ts';

const INT_MIN = -(2 ** 31);
const INT_MAX = 2 ** 32 - 1;

interface Plain {
  readonly error?: string | undefined;
}

/** `error`, or success. */
export function expected(expect: Plain | undefined, success: Expected = { ok: true }): Expected {
  return expect?.error === undefined ? success : { error: expect.error };
}

function plain(
  build: Build,
  step: { readonly expect?: Plain | readonly Plain[] | undefined },
  path: Path,
  action: Action,
): boolean {
  const chosen = choose(step.expect, [...path, 'expect'], build.theCase, build.scope, path);
  const error = chosen.expect?.error;
  const resolved =
    error === undefined ? undefined : { error: build.scope.word(error, [...chosen.path, 'error']) };
  build.push(action, expected(resolved), chosen.where, build.scope.behaviours);
  return error === undefined;
}

export function open(build: Build, step: StepOf<'open'>, path: Path): void {
  const { scope } = build;
  const at = [...path, 'open'];
  const body = step.open;
  const family = build.family(
    body.family === undefined ? undefined : scope.word(body.family, [...at, 'family']),
    at,
  );
  const { ns } = build.end(scope.word(body.at ?? 'sender', [...at, 'at']), [...at, 'at']);
  const protocol = scope.word(body.protocol ?? 'udp', [...at, 'protocol']) === 'udplite' ? 'udplite' : 'udp';
  const opened = plain(build, step, path, { do: 'open', socket: body.socket, ns, family, protocol });
  if (!opened) return;
  const socket: OpenSocket = { name: body.socket, ns, family, connected: false };
  build.sockets.set(body.socket, socket);
  setOptions(build, socket, body.options, [...at, 'options']);
  if (body.bind !== undefined)
    bindTo(build, socket, addressing(build, body.bind, body.port, [...at, 'bind']), [...at, 'bind']);
  if (body.connect !== undefined)
    connectTo(build, socket, addressing(build, body.connect, undefined, [...at, 'connect']), [
      ...at,
      'connect',
    ]);
}

/** Sets options in order; all of them must be accepted. */
export function setOptions(
  build: Build,
  socket: OpenSocket,
  options: Readonly<Record<string, OptionValueYaml>> | undefined,
  path: Path,
): void {
  for (const [option, value] of Object.entries(options ?? {})) {
    const at = [...path, option];
    setOption(build, socket, option, optionValue(option, value, at, build.scope), at);
  }
}

export function setOption(
  build: Build,
  socket: OpenSocket,
  option: string,
  value: OptionValue,
  path: Path,
): void {
  const action: Action = { do: 'set', socket: socket.name, level: levelOf(option), option, value };
  build.push(action, { ok: true }, build.theCase.file.key(path), build.scope.behaviours);
}

export function bindTo(build: Build, socket: OpenSocket, address: Addressing, path: Path): void {
  const to = build.endpoint(address, socket.family, 0, path);
  build.push(
    { do: 'bind', socket: socket.name, to },
    { ok: true },
    build.theCase.file.key(path),
    build.scope.behaviours,
  );
  socket.bound = to;
}

export function connectTo(build: Build, socket: OpenSocket, address: Addressing, path: Path): void {
  const to = build.endpoint(address, socket.family, PORT, path);
  build.push(
    { do: 'connect', socket: socket.name, to },
    { ok: true },
    build.theCase.file.key(path),
    build.scope.behaviours,
  );
  socket.connected = true;
}

/** `receiver`, or `{ to: receiver, port: 9001 }`. */
function addressing(
  build: Build,
  place: string | { readonly to: string; readonly port?: Size | undefined },
  outerPort: Size | undefined,
  path: Path,
): Addressing {
  const { to, port = outerPort } = typeof place === 'string' ? { to: place } : place;
  return {
    to: build.scope.word(to, path),
    port: port === undefined ? null : build.scope.int(port, [...path, 'port'], 0, 65535),
  };
}

export function bind(build: Build, step: StepOf<'bind'>, path: Path): void {
  const at = [...path, 'bind'];
  const socket = build.socket(step.bind.socket, [...at, 'socket']);
  const given = build.endpoint(addressing(build, step.bind, undefined, at), socket.family, 0, [...at, 'to']);
  const to = { ...given, port: zeroSum(build, step, socket, given, at) ?? given.port };
  if (plain(build, step, path, { do: 'bind', socket: socket.name, to })) socket.bound = to;
}

/** The port that `zero_sum` asks for; null when it does not. */
function zeroSum(
  build: Build,
  { bind: { zero_sum, zero_sum_from } }: StepOf<'bind'>,
  { family }: OpenSocket,
  from: Endpoint,
  at: Path,
): number | null {
  if (zero_sum === undefined) return null;
  const path = [...at, 'zero_sum'];
  const length = build.scope.int(zero_sum, path, 0, 65527);
  const begin =
    zero_sum_from === undefined ? 0 : build.scope.int(zero_sum_from, [...at, 'zero_sum_from'], 0, 65527);
  const to = build.endpoint({ to: 'receiver', port: null }, family, PORT, path);
  return zeroSumPort(payload(build.seed, build.coming, begin + length).subarray(begin), from, to);
}

export function connect(build: Build, step: StepOf<'connect'>, path: Path): void {
  const at = [...path, 'connect'];
  const socket = build.socket(step.connect.socket, [...at, 'socket']);
  const address = addressing(build, step.connect, undefined, at);
  const to = address.to === 'none' ? null : build.endpoint(address, socket.family, PORT, [...at, 'to']);
  if (plain(build, step, path, { do: 'connect', socket: socket.name, to })) socket.connected = to !== null;
}

export function set(build: Build, step: StepOf<'set'>, path: Path): void {
  const { scope } = build;
  const at = [...path, 'set'];
  const body = step.set;
  const socket = build.socket(body.socket, [...at, 'socket']);
  const option = optionName(build, body.option, [...at, 'option']);
  const level = body.level === undefined ? levelOf(option) : scope.word(body.level, [...at, 'level']);
  const written: OptionValueYaml =
    body.null === true ? null : body.hex === undefined ? ((body.value ?? 0) as Size) : { hex: body.hex };
  const value = optionValue(option, written, [...at, 'value'], scope);
  const length =
    body.length === undefined ? {} : { length: scope.int(body.length, [...at, 'length'], INT_MIN, INT_MAX) };
  plain(build, step, path, { do: 'set', socket: socket.name, level, option, value, ...length });
}

function optionName(build: Build, option: string | number, path: Path): string {
  return typeof option === 'number' ? String(option) : build.scope.word(option, path);
}

export function get(build: Build, step: StepOf<'get'>, path: Path): void {
  const { scope } = build;
  const at = [...path, 'get'];
  const body = step.get;
  const socket = build.socket(body.socket, [...at, 'socket']);
  const option = optionName(build, body.option, [...at, 'option']);
  const level = body.level === undefined ? levelOf(option) : scope.word(body.level, [...at, 'level']);
  const length = body.length === undefined ? 4 : scope.int(body.length, [...at, 'length'], INT_MIN, INT_MAX);
  const chosen = choose(step.expect, [...path, 'expect'], build.theCase, scope, path);
  const expect = chosen.expect;
  let success: Expected = { ok: true };
  if (expect?.hex !== undefined) {
    const back =
      expect.length === undefined
        ? expect.hex.length / 2
        : scope.int(expect.length, [...chosen.path, 'length'], 0, INT_MAX);
    success = { value: { hex: expect.hex.toLowerCase(), length: back } };
  } else if (expect?.value !== undefined) {
    const int = scope.int(expect.value, [...chosen.path, 'value'], INT_MIN, INT_MAX);
    const back =
      expect.length === undefined ? 4 : scope.int(expect.length, [...chosen.path, 'length'], 0, INT_MAX);
    success = { value: back === 4 ? { int, length: 4 } : { hex: intBytes(int, back), length: back } };
  }
  const error = expect?.error === undefined ? undefined : scope.word(expect.error, [...chosen.path, 'error']);
  build.push(
    { do: 'get', socket: socket.name, level, option, length },
    expected({ error }, success),
    chosen.where,
    scope.behaviours,
  );
}

export function close(build: Build, step: StepOf<'close'>, path: Path): void {
  const { socket } = step.close;
  build.socket(socket, [...path, 'close', 'socket']);
  plain(build, step, path, { do: 'close', socket });
  build.sockets.delete(socket);
}

export function queue(build: Build, step: StepOf<'queue'>, path: Path): void {
  const { socket, which } = step.queue;
  build.socket(socket, [...path, 'queue', 'socket']);
  const chosen = choose(step.expect, [...path, 'expect'], build.theCase, build.scope, path);
  const { expect } = chosen;
  const success: Expected =
    expect?.bytes === undefined
      ? { ok: true }
      : { bytes: build.scope.int(expect.bytes, [...chosen.path, 'bytes'], 0, INT_MAX) };
  build.push({ do: 'queue', socket, which }, expected(expect, success), chosen.where, build.scope.behaviours);
}
