/** The short form: one send from the sender to the receiver, in the way the axes `request` and `sender` say. */
import type { Expected, ExpectedDatagram } from '../contract/expectation.ts';
import type { Action, ControlMessage, Message } from '../contract/program.ts';
import type { Location } from '../contract/result.ts';
import type { CaseYaml } from '../load/schema/suite.ts';
import type { Path } from '../load/yaml-file.ts';
import { PMTUDISC } from '../abi/flags.ts';
import { choose } from './alternatives.ts';
import { PORT, type Build, type OpenSocket } from './build.ts';
import { datagrams, packets } from './items.ts';
import { RECEIVE_DEFAULTS, sentinelFor } from './receive.ts';
import { bindTo, connectTo, setOption, setOptions } from './steps-socket.ts';
import { controlMessage, iovecs, segmentControl, sum } from './values.ts';

const MTU_DISCOVER = { ipv4: 'IP_MTU_DISCOVER', ipv6: 'IPV6_MTU_DISCOVER' } as const;
const MAX_REPEAT = 1024;

export function planShort(build: Build, yaml: CaseYaml): void {
  new Short(build, yaml).plan();
}

class Short {
  readonly #build: Build;
  readonly #yaml: CaseYaml;
  readonly #path: Path;
  readonly #send: NonNullable<CaseYaml['send']>;
  /** Place of what the short form does without being told. */
  readonly #here: Location;

  constructor(build: Build, yaml: CaseYaml) {
    this.#build = build;
    this.#yaml = yaml;
    this.#path = build.theCase.path;
    this.#send = yaml.send ?? {};
    this.#here = build.theCase.file.key([...this.#path, 'send']);
  }

  plan(): void {
    const { scope, theCase } = this.#build;
    const at = [...this.#path, 'expect'];
    const chosen = choose(this.#yaml.expect, at, theCase, scope, this.#path);
    const error =
      chosen.expect?.error === undefined ? null : scope.word(chosen.expect.error, [...chosen.path, 'error']);
    const { resolved } = this.#build;
    const receiver = resolved.receives ? scope.collect(() => this.#openReceiver()).result : null;
    const watch = !receiver || chosen.expect?.wire !== undefined;
    const sender = scope.collect(() => this.#openSender()).result;
    if (watch) this.#capture();
    const repeat =
      this.#send.repeat === undefined
        ? 1
        : scope.int(this.#send.repeat, this.#at('send', 'repeat'), 1, MAX_REPEAT);
    for (let n = 0; n < repeat; n++) this.#sendOnce(sender, error, chosen.where);
    if (receiver) this.#receive(receiver, error === null ? chosen : null, chosen.where, repeat);
    if (watch) this.#packets(error === null ? chosen : null, chosen.where, repeat);
  }

  #at(...steps: (string | number)[]): Path {
    return [...this.#path, ...steps];
  }

  #open(name: 'sender' | 'receiver'): OpenSocket {
    const { ns } = this.#build.resolved[name];
    const family = this.#build.family(undefined, this.#path);
    const socket: OpenSocket = { name, ns, family, connected: false };
    this.#push({ do: 'open', socket: name, ns, family, protocol: 'udp' }, { ok: true }, this.#here);
    this.#build.sockets.set(name, socket);
    return socket;
  }

  #openReceiver(): OpenSocket {
    const socket = this.#open('receiver');
    setOptions(this.#build, socket, this.#yaml.receiver?.options, this.#at('receiver', 'options'));
    bindTo(this.#build, socket, { to: 'receiver', port: PORT }, this.#path);
    return socket;
  }

  #openSender(): OpenSocket {
    const { scope } = this.#build;
    const socket = this.#open('sender');
    setOption(
      this.#build,
      socket,
      MTU_DISCOVER[socket.family],
      { int: PMTUDISC['do'] ?? 2 },
      this.#at('send'),
    );
    setOptions(this.#build, socket, this.#yaml.options, this.#at('options'));
    const gso = this.#gso();
    if (gso > 0 && scope.get('request') === 'setsockopt')
      setOption(this.#build, socket, 'UDP_SEGMENT', { int: gso }, this.#at('send', 'gso'));
    if (scope.get('sender') === 'connected')
      connectTo(this.#build, socket, { to: 'receiver', port: PORT }, this.#at('send'));
    return socket;
  }

  #gso(): number {
    return this.#send.gso === undefined
      ? 0
      : this.#build.scope.int(this.#send.gso, this.#at('send', 'gso'), 0, 65535);
  }

  #sendOnce(socket: OpenSocket, error: string | null, where: Location): void {
    const { scope } = this.#build;
    const gso = this.#gso();
    const request = scope.get('request');
    const control = (this.#send.control ?? []).map((item, i) =>
      controlMessage(item, this.#at('send', 'control', i), scope),
    );
    if (gso > 0 && request !== 'setsockopt') control.unshift(segmentControl(gso));
    const flags = (this.#send.flags ?? []).map((flag, i) => scope.word(flag, this.#at('send', 'flags', i)));
    const iov = iovecs(this.#send, this.#at('send'), scope);
    // As the kernel's own test does it: only what has a rest can be corked.
    const corked = scope.get('sender') === 'corked' && sum(iov) > 1;
    if (!corked) {
      this.#message(socket, iov, control, flags, error, where);
      return;
    }
    this.#message(socket, [1], control, [...flags, 'MSG_MORE'], null, where);
    this.#message(socket, withoutFirstByte(iov), control, flags, error, where);
  }

  #message(
    socket: OpenSocket,
    iov: readonly number[],
    control: readonly ControlMessage[],
    flags: readonly string[],
    error: string | null,
    where: Location,
  ): void {
    const stream = this.#build.nextStream();
    const to = socket.connected
      ? {}
      : { to: this.#build.endpoint({ to: 'receiver', port: PORT }, socket.family, PORT, this.#path) };
    const message: Message = { stream, iov, control, ...to };
    const length = sum(iov);
    const expected: Expected = error === null ? { ok: true, returns: length } : { error };
    this.#push(
      { do: 'send', socket: socket.name, call: 'sendmsg', messages: [message], flags },
      expected,
      where,
    );
    // A refused end of a corked datagram takes what was pending with it; nothing of it arrives, and nothing follows.
    this.#build.streams.add(stream, length, error === null);
  }

  #receive(socket: OpenSocket, chosen: ShortChoice | null, where: Location, repeat: number): void {
    const { scope, received } = this.#build;
    const { receiver } = this.#yaml;
    const buffer =
      receiver?.buffer === undefined
        ? RECEIVE_DEFAULTS.buffer
        : scope.int(receiver.buffer, this.#at('receiver', 'buffer'), 0, 131072);
    const control =
      receiver?.control === undefined
        ? RECEIVE_DEFAULTS.control
        : scope.int(receiver.control, this.#at('receiver', 'control'), 0, 4096);
    const wanted: ExpectedDatagram[] = [];
    const items = chosen?.expect?.datagrams ?? [];
    for (let n = 0; n < repeat; n++)
      wanted.push(
        ...datagrams(items, [...(chosen?.path ?? this.#path), 'datagrams'], scope, received, buffer),
      );
    const sentinel = sentinelFor(this.#build, socket, []);
    const action: Action = {
      do: 'receive',
      socket: socket.name,
      want: wanted.length,
      buffer,
      control,
      flags: [],
      waitMs: RECEIVE_DEFAULTS.waitMs,
      ...(sentinel ? { sentinel } : {}),
    };
    this.#push(action, { datagrams: wanted }, where);
  }

  #capture(): void {
    const { resolved, scope } = this.#build;
    const wire = resolved.wire ?? scope.fail(this.#path, 'the topology has no receiver and names no wire');
    this.#push({ do: 'capture', capture: 'wire', ...wire, port: PORT }, { ok: true }, this.#here);
  }

  /** Without `wire` the packets have the sizes of the datagrams. */
  #packets(chosen: ShortChoice | null, where: Location, repeat: number): void {
    const { scope, streams } = this.#build;
    const key = chosen?.expect?.wire === undefined ? 'datagrams' : 'wire';
    const items = chosen?.expect?.wire ?? (chosen?.expect?.datagrams ?? []).map(packetLike);
    const cursor = streams.cursor(0);
    const wanted = Array.from({ length: repeat }, () =>
      packets(items, [...(chosen?.path ?? this.#path), key], scope, cursor),
    ).flat();
    this.#push({ do: 'packets', capture: 'wire' }, { packets: wanted }, where);
  }

  #push(action: Action, expected: Expected, where: Location): void {
    this.#build.push(action, expected, where, this.#build.scope.behaviours);
  }
}

type ShortExpect = Extract<NonNullable<CaseYaml['expect']>, { readonly error?: string | undefined }>;
interface ShortChoice {
  readonly expect: ShortExpect | undefined;
  readonly path: Path;
}
type Items = NonNullable<ShortExpect['datagrams']>;

/** Of a datagram item what holds for a packet too. */
function packetLike(item: Items[number]): NonNullable<ShortExpect['wire']>[number] {
  if (typeof item !== 'object') return item;
  const { bytes, repeat, from_send } = item;
  return { bytes, repeat, from_send };
}

function withoutFirstByte(iov: readonly number[]): number[] {
  const first = iov.findIndex((length) => length > 0);
  return iov.map((length, i) => (i === first ? length - 1 : length));
}
