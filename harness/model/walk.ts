/** Goes through a case step by step and says of each what a kernel with the given behaviours must show. */
import type { Slice } from '../contract/expectation.ts';
import type { Action, Message, Program } from '../contract/program.ts';
import { Captures } from './captures.ts';
import { Departures } from './departures.ts';
import { gathered } from './gathered.ts';
import { checkFits, checkKnown, checkReadable, checkSegments, exceeds } from './limits.ts';
import { UNCUT } from './devices.ts';
import { Network } from './network.ts';
import { packetsOf } from './packets.ts';
import type { ModelPacket } from './packets.ts';
import { passage } from './passage.ts';
import { sum } from './payloads.ts';
import { Receivers } from './receivers.ts';
import type { ModelDatagram } from './receivers.ts';
import { leaving } from './request.ts';
import { connectedRoute } from './routed.ts';
import type { Request } from './request.ts';
import { Refused, Rules, Underivable } from './signals.ts';
import { asksForErrors, intOption, openSocket, readErrors, readOption, setOption } from './socket.ts';
import type { SocketState } from './socket.ts';
import { reportPending, tellTooBig } from './told.ts';

/** How a step went, as far as later ones depend on it. */
export interface StepOutcome {
  readonly ok: boolean;
  /** sendmmsg: messages sent. */
  readonly sent: number;
}

export type StepModel =
  /** There is nothing to say about this kind of step. */
  | { readonly kind: 'none' }
  | { readonly kind: 'unknown'; readonly why: string }
  /** `-1 EMSGSIZE`, or what the call returns. */
  | { readonly kind: 'returns'; readonly value: string }
  | { readonly kind: 'packets'; readonly packets: readonly ModelPacket[] }
  | { readonly kind: 'datagrams'; readonly datagrams: readonly ModelDatagram[] };

type Send = Extract<Action, { do: 'send' }>;

export class Walk {
  readonly #rules: Rules;
  readonly #network: Network;
  readonly #sockets = new Map<string, SocketState>();
  readonly #captures: Captures;
  readonly #receivers: Receivers;
  readonly #departures: Departures;
  #datagrams = 0;

  constructor(program: Program, states: Readonly<Record<string, boolean>>) {
    this.#rules = new Rules(states);
    this.#network = new Network(program.topology);
    this.#departures = new Departures(this.#network);
    this.#captures = new Captures(this.#departures);
    this.#receivers = new Receivers(this.#network, this.#sockets, this.#rules, this.#departures);
  }

  /** Behaviours that decided anything so far. */
  get behaviours(): ReadonlySet<string> {
    return this.#rules.asked;
  }

  /** What `action` must show; then takes over what it did. Steps come in order. */
  step(action: Action, outcome: StepOutcome): StepModel {
    switch (action.do) {
      case 'send':
        return this.#send(action, outcome);
      case 'receive':
        return this.#receivers.read(this.#sockets.get(action.socket), action);
      case 'packets':
        return this.#captures.read(action.capture);
      case 'capture':
        if (outcome.ok) this.#captures.start(action);
        return { kind: 'none' };
      case 'inject':
        this.#inject(action);
        return { kind: 'none' };
      case 'change':
        if (outcome.ok) this.#network.change(action.change);
        return { kind: 'none' };
      case 'open':
        if (outcome.ok) this.#sockets.set(action.socket, openSocket(action));
        return { kind: 'none' };
      case 'errors':
        this.#departures.waitedFor([]);
        readErrors(this.#sockets.get(action.socket));
        return { kind: 'none' };
      case 'get':
        readOption(this.#sockets.get(action.socket), action);
        return { kind: 'none' };
      case 'queue':
      case 'counters':
        return { kind: 'none' };
      case 'bind':
      case 'connect':
      case 'set':
      case 'close':
        if (outcome.ok) this.#setUp(action);
        return { kind: 'none' };
    }
  }

  #setUp(action: Extract<Action, { do: 'bind' | 'connect' | 'set' | 'close' }>): void {
    const socket = this.#sockets.get(action.socket);
    if (!socket) return;
    if (action.do === 'bind') socket.bound = action.to;
    else if (action.do === 'connect') {
      socket.peer = action.to;
      socket.route = connectedRoute(socket, action.to, this.#network);
    } else if (action.do === 'close') this.#sockets.delete(action.socket);
    else {
      setOption(socket, action);
      this.#release(socket);
    }
  }

  /** UDP_CORK off sends what is pending; that this was refused nobody is told (udp_lib_setsockopt()). */
  #release(socket: SocketState): void {
    const { cork } = socket;
    if (!cork || intOption(socket, 'UDP_CORK', 0) !== 0 || !socket.options.has('UDP_CORK')) return;
    socket.cork = null;
    try {
      this.#leave(socket, cork.request, cork.payload, false);
    } catch (signal) {
      if (signal instanceof Underivable) this.#lose(signal.message);
      else if (!(signal instanceof Refused)) throw signal;
    }
  }

  #send(action: Send, outcome: StepOutcome): StepModel {
    const socket = this.#sockets.get(action.socket);
    if (!socket) return { kind: 'unknown', why: `${action.socket} could not be opened` };
    const many = action.call === 'sendmmsg';
    let count = 0;
    let bytes = 0;
    for (const [i, message] of action.messages.entries()) {
      const went = many ? outcome.ok && i < outcome.sent : outcome.ok;
      const said = this.#message(socket, message, action.flags, went);
      if (said === 'unknown') continue;
      if (said.refused !== null)
        return { kind: 'returns', value: many && count > 0 ? String(count) : `-1 ${said.refused}` };
      count++;
      bytes += said.bytes;
      if (!went) break;
    }
    const why = this.#unknown;
    this.#unknown = '';
    if (why !== '') return { kind: 'unknown', why };
    return { kind: 'returns', value: String(many ? count : bytes) };
  }

  #unknown = '';

  /** One message; what it did counts, whatever the rules say: the disagreement is the judge's business. */
  #message(
    socket: SocketState,
    message: Message,
    flags: readonly string[],
    went: boolean,
  ): { refused: string | null; bytes: number } | 'unknown' {
    const pending = socket.cork;
    try {
      const bytes = this.#try(socket, message, flags);
      if (!went) socket.cork = null;
      return { refused: null, bytes };
    } catch (signal) {
      // A part that cannot be added takes with it what was pending (udp_flush_pending_frames()).
      if (signal instanceof Refused) {
        if (went) this.#lose(`a send went through that should be refused with ${signal.errno}`);
        socket.cork = signal.early ? pending : null;
        return { refused: signal.errno, bytes: 0 };
      }
      if (!(signal instanceof Underivable)) throw signal;
      this.#unknown = signal.message;
      socket.cork = null;
      // What failed leaves nothing behind.
      if (went) this.#lose(signal.message);
      return 'unknown';
    }
  }

  #inject(action: Extract<Action, { do: 'inject' }>): void {
    const { packet } = action;
    if (packet.kind === 'too-big') {
      const why = tellTooBig(action, packet, this.#sockets.values(), this.#network);
      if (why !== '') this.#network.lose(why);
    } else this.#lose('a frame was injected');
  }

  #lose(why: string): void {
    this.#captures.lose(why);
    this.#receivers.lose(why);
  }

  #try(socket: SocketState, message: Message, flags: readonly string[]): number {
    if (socket.sends !== '') throw new Underivable(socket.sends);
    checkKnown(message, flags);
    const bytes = message.iov.reduce((total, length) => total + length, 0);
    const slices: Slice[] = bytes === 0 ? [] : [{ stream: message.stream, at: 0, length: bytes }];
    const more = flags.includes('MSG_MORE') || intOption(socket, 'UDP_CORK', 0) !== 0;
    const cork = gathered(socket, message, flags, slices, this.#network);
    checkFits(cork.request, sum(cork.payload));
    reportPending(socket);
    checkReadable(message);
    const alone = socket.cork === null && !more;
    socket.cork = more ? cork : null;
    if (!more) this.#leave(socket, cork.request, cork.payload, alone);
    return bytes;
  }

  /** A whole datagram goes down. @throws Refused, Underivable */
  #leave(socket: SocketState, begun: Request, payload: readonly Slice[], alone: boolean): void {
    const wanted = leaving(socket, begun, this.#rules);
    const device = this.#network.device(wanted.path.ns, wanted.path.dev, this.#rules);
    const length = sum(payload);
    checkSegments(wanted, length, device.promises, this.#rules);
    const leaves = this.#departures.of(wanted, length);
    if (leaves === 'dropped') {
      // udp_send_skb(): that a queue dropped it is told only to who asked (net_xmit_errno()).
      if (asksForErrors(socket)) throw new Refused('ENOBUFS');
      return;
    }
    const sent = { request: wanted, payload, datagram: this.#datagrams++, inOneGo: alone, leaves };
    const { views, arriving } = passage(sent, this.#network, this.#rules);
    const { mtu = Infinity } = this.#network.link(wanted.path.ns, wanted.path.dev) ?? {};
    if (exceeds(wanted, length, mtu)) this.#captures.lose('segments are cut for a device that has shrunk');
    // A capture is of UDP: UDP-Lite leaves nothing in it.
    if (!wanted.lite) this.#captures.pass(wanted.path, views, socket);
    const own = wanted.copies ? packetsOf(sent, UNCUT, this.#rules) : [];
    if (wanted.path.cast === 'one') this.#receivers.arrive(sent, arriving, socket);
    else this.#receivers.arriveAtMany(sent, arriving, own, socket);
  }
}
