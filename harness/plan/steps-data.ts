/** Steps that move or watch data: send, sendmmsg, receive, capture, packets, counters. */
import type { Action, Endpoint, Message } from '../contract/program.ts';
import type { Expected } from '../contract/expectation.ts';
import type { MessageYaml } from '../load/schema/message.ts';
import type { StepOf } from '../load/schema/steps.ts';
import type { Path } from '../load/yaml-file.ts';
import { choose } from './alternatives.ts';
import { PORT, type Build, type OpenSocket } from './build.ts';
import { datagrams, packets } from './items.ts';
import { RECEIVE_DEFAULTS, sentinelFor } from './receive.ts';
import { expected } from './steps-socket.ts';
import { controlMessage, iovecs, segmentControl, sum } from './values.ts';

const MAX = 2 ** 31;
const FLOWINFO = 2 ** 28 - 1;

function message(build: Build, socket: OpenSocket, yaml: MessageYaml, path: Path): Message {
  const { scope } = build;
  const control = (yaml.control ?? []).map((item, i) => controlMessage(item, [...path, 'control', i], scope));
  const gso = yaml.gso === undefined ? [] : [segmentControl(scope.int(yaml.gso, [...path, 'gso'], 0, 65535))];
  const port = yaml.port === undefined ? null : scope.int(yaml.port, [...path, 'port'], 0, 65535);
  const to: { readonly to?: Endpoint } =
    yaml.to === undefined
      ? {}
      : {
          to: build.endpoint({ to: scope.word(yaml.to, [...path, 'to']), port }, socket.family, PORT, [
            ...path,
            'to',
          ]),
        };
  const flowinfo =
    yaml.flowinfo === undefined ? undefined : scope.int(yaml.flowinfo, [...path, 'flowinfo'], 0, FLOWINFO);
  if (flowinfo !== undefined && !to.to)
    scope.fail([...path, 'flowinfo'], 'a flowinfo without an address', { expected: '"to"' });
  const iov = iovecs(yaml, path, scope);
  const unreadable =
    yaml.unreadable === undefined
      ? {}
      : { unreadable: scope.int(yaml.unreadable, [...path, 'unreadable'], 0, iov.length - 1) };
  return {
    stream: build.nextStream(),
    iov,
    ...unreadable,
    control: [...gso, ...control],
    ...(to.to && flowinfo !== undefined ? { to: { ...to.to, flowinfo } } : to),
  };
}

function words(build: Build, list: readonly string[] | undefined, path: Path): string[] {
  return (list ?? []).map((word, i) => build.scope.word(word, [...path, i]));
}

export function send(build: Build, step: StepOf<'send'>, path: Path): void {
  const { scope } = build;
  const at = [...path, 'send'];
  const socket = build.socket(step.send.socket, [...at, 'socket']);
  const sent = message(build, socket, step.send, at);
  const from =
    step.send.overwrite === undefined
      ? undefined
      : scope.int(step.send.overwrite, [...at, 'overwrite'], 0, sum(sent.iov));
  const one = from === undefined ? sent : { ...sent, overwrite: { stream: build.nextStream(), from } };
  const flags = words(build, step.send.flags, [...at, 'flags']);
  const chosen = choose(step.expect, [...path, 'expect'], build.theCase, scope, path);
  const { expect } = chosen;
  const returns =
    expect?.returns === undefined
      ? sum(one.iov)
      : scope.int(expect.returns, [...chosen.path, 'returns'], -1, MAX);
  const error = expect?.error === undefined ? undefined : scope.word(expect.error, [...chosen.path, 'error']);
  const action: Action = { do: 'send', socket: socket.name, call: 'sendmsg', messages: [one], flags };
  build.push(action, expected({ error }, { ok: true, returns }), chosen.where, scope.behaviours);
  build.streams.add(one.stream, sum(one.iov), error === undefined);
  if (one.overwrite)
    build.streams.add(one.overwrite.stream, sum(one.iov) - one.overwrite.from, error === undefined);
}

export function sendmmsg(build: Build, step: StepOf<'sendmmsg'>, path: Path): void {
  const { scope } = build;
  const at = [...path, 'sendmmsg'];
  const socket = build.socket(step.sendmmsg.socket, [...at, 'socket']);
  const messages = step.sendmmsg.messages.map((one, i) =>
    message(build, socket, one, [...at, 'messages', i]),
  );
  const flags = words(build, step.sendmmsg.flags, [...at, 'flags']);
  const chosen = choose(step.expect, [...path, 'expect'], build.theCase, scope, path);
  const { expect } = chosen;
  const error = expect?.error === undefined ? undefined : scope.word(expect.error, [...chosen.path, 'error']);
  const returns =
    expect?.sent === undefined
      ? messages.length
      : scope.int(expect.sent, [...chosen.path, 'sent'], 0, messages.length);
  const sizes = messages.map(({ iov }) => sum(iov));
  const lengths =
    expect?.lengths?.map((size, i) => scope.int(size, [...chosen.path, 'lengths', i], 0, MAX)) ??
    sizes.slice(0, returns);
  const action: Action = { do: 'send', socket: socket.name, call: 'sendmmsg', messages, flags };
  build.push(action, expected({ error }, { ok: true, returns, lengths }), chosen.where, scope.behaviours);
  const sent = error === undefined ? returns : 0;
  for (const [i, one] of messages.entries()) build.streams.add(one.stream, sizes[i] ?? 0, i < sent);
}

export function receive(build: Build, step: StepOf<'receive'>, path: Path): void {
  const { scope } = build;
  const at = [...path, 'receive'];
  const body = step.receive;
  const socket = build.socket(body.socket, [...at, 'socket']);
  const flags = words(build, body.flags, [...at, 'flags']);
  const buffer =
    body.buffer === undefined
      ? RECEIVE_DEFAULTS.buffer
      : scope.int(body.buffer, [...at, 'buffer'], 0, 131072);
  const control =
    body.control === undefined
      ? RECEIVE_DEFAULTS.control
      : scope.int(body.control, [...at, 'control'], 0, 4096);
  const waitMs =
    body.wait === undefined ? RECEIVE_DEFAULTS.waitMs : scope.int(body.wait, [...at, 'wait'], 0, 10_000);
  const chosen = choose(step.expect, [...path, 'expect'], build.theCase, scope, path);
  const { expect } = chosen;
  const error = expect?.error === undefined ? undefined : scope.word(expect.error, [...chosen.path, 'error']);
  const items = error === undefined ? (expect?.datagrams ?? []) : [];
  const wanted = datagrams(items, [...chosen.path, 'datagrams'], scope, build.received, buffer);
  const sentinel = sentinelFor(build, socket, flags);
  const action: Action = {
    do: 'receive',
    socket: socket.name,
    want: wanted.length,
    buffer,
    control,
    flags,
    waitMs,
    ...(sentinel ? { sentinel } : {}),
  };
  build.push(action, expected({ error }, { datagrams: wanted }), chosen.where, scope.behaviours);
}

export function capture(build: Build, step: StepOf<'capture'>, path: Path): void {
  const { scope, resolved } = build;
  const at = [...path, 'capture'];
  const body = step.capture;
  const wire = resolved.wire;
  const ns =
    body.at === undefined
      ? (wire?.ns ?? scope.fail(at, 'where? The topology names no wire', { expected: '"at" and "dev"' }))
      : build.end(scope.word(body.at, [...at, 'at']), [...at, 'at']).ns;
  const dev =
    body.dev === undefined
      ? (wire?.dev ?? scope.fail(at, 'on which device? The topology names no wire', { expected: '"dev"' }))
      : build.device(ns, scope.word(body.dev, [...at, 'dev']), [...at, 'dev']);
  const port = body.port === undefined ? PORT : scope.int(body.port, [...at, 'port'], 0, 65535);
  const action: Action = { do: 'capture', capture: body.name, ns, dev, port };
  const chosen = choose(step.expect, [...path, 'expect'], build.theCase, scope, path);
  build.push(action, expected(chosen.expect), chosen.where, scope.behaviours);
  build.captures.set(body.name, build.streams.cursor());
}

export function readPackets(build: Build, step: StepOf<'packets'>, path: Path): void {
  const { scope } = build;
  const { name } = step.packets;
  const cursor =
    build.captures.get(name) ?? scope.fail([...path, 'packets', 'name'], `no capture "${name}" was started`);
  const chosen = choose(step.expect, [...path, 'expect'], build.theCase, scope, path);
  const items = chosen.expect?.packets ?? [];
  const success: Expected = { packets: packets(items, [...chosen.path, 'packets'], scope, cursor) };
  build.push(
    { do: 'packets', capture: name },
    expected(chosen.expect, success),
    chosen.where,
    scope.behaviours,
  );
}

export function counters(build: Build, step: StepOf<'counters'>, path: Path): void {
  const { scope } = build;
  const at = [...path, 'counters', 'at'];
  const { ns } = build.end(scope.word(step.counters.at ?? 'sender', at), at);
  const chosen = choose(step.expect, [...path, 'expect'], build.theCase, scope, path);
  const wanted: Record<string, number> = {};
  for (const [name, value] of Object.entries(chosen.expect ?? {})) {
    if (name === 'when' || name === 'otherwise') continue;
    wanted[name] = scope.int(value, [...chosen.path, name], 0, MAX);
  }
  const action: Action = { do: 'counters', ns, names: Object.keys(wanted) };
  build.push(action, { counters: wanted }, chosen.where, scope.behaviours);
}
