/** A synchronous netlink socket: requests, their answers, nothing else in between. */
import { errnoName } from '../abi/errno.ts';
import { AF, SOCK, incomingMessage } from './sys.ts';
import type { IncomingMessage, SystemCalls } from './sys.ts';
import { NLM_F, NLMSG, message, parseError, parseMessages } from './netlink-message.ts';
import { SystemError } from './namespaces.ts';

export const NETLINK = { ROUTE: 0, XFRM: 6, GENERIC: 16 } as const;
const SOL_NETLINK = 270;
const NETLINK_EXT_ACK = 11;
const REPLY_BYTES = 65536;
const PATIENCE_MS = 5000;
const POLLIN = 1;
const DONTWAIT = 0x40;
const EAGAIN = 11;

/** The kernel refused a request. */
export class NetlinkError extends Error {
  /** e.g. `EEXIST` */
  readonly errno: string;
  constructor(what: string, ret: number, words: string) {
    const errno = errnoName(-ret);
    super(`${what}: ${errno}${words === '' ? '' : ` (${words})`}`);
    this.name = 'NetlinkError';
    this.errno = errno;
  }
}

/** One for all: what is kept of a reply is copied. */
let reply: IncomingMessage | undefined;

/** A request that is answered by yes or no. */
export interface Change {
  /** As an error would begin: `cannot …`. */
  readonly what: string;
  readonly type: number;
  readonly flags: number;
  readonly body: readonly Buffer[];
  /** An errno by which nothing is amiss. */
  readonly harmless?: string | undefined;
}

/** Belongs to the namespace it was opened in, for good. */
export class Netlink {
  readonly #sys: SystemCalls;
  readonly #fd: number;
  #sequence = 0;
  #gathered: Change[] | null = null;

  constructor(sys: SystemCalls, protocol: number) {
    this.#sys = sys;
    this.#fd = sys.socket(AF.NETLINK, SOCK.RAW | SOCK.CLOEXEC, protocol);
    if (this.#fd < 0) throw new SystemError('socket(AF_NETLINK)', this.#fd);
    const on = Buffer.from([1, 0, 0, 0]);
    // Refused before 4.12: then there is an errno and no text.
    sys.setsockopt(this.#fd, SOL_NETLINK, NETLINK_EXT_ACK, on, on.length);
  }

  /** Bodies of the replies. @throws NetlinkError naming `what` when the kernel refuses. */
  request(what: string, type: number, flags: number, body: readonly Buffer[]): Buffer[] {
    return this.#exchange([{ what, type, flags, body }]);
  }

  /** Asks for something; what answers is the only reply, and says by itself that it is done. @throws NetlinkError */
  ask(what: string, type: number, body: readonly Buffer[]): Buffer {
    const sequence = this.#send(what, [{ what, type, flags: 0, body }], 0);
    for (;;)
      for (const reply of this.#read(what)) {
        if (reply.sequence !== sequence) continue;
        if (reply.type !== NLMSG.ERROR) return Buffer.from(reply.body);
        const { ret, words } = parseError(reply);
        throw new NetlinkError(what, ret, words);
      }
  }

  /** Makes a change, or leaves it to the {@link together} it is called in. @throws NetlinkError when the kernel refuses. */
  change(change: Change): void {
    if (this.#gathered) this.#gathered.push(change);
    else this.#exchange([change]);
  }

  /**
   * Hands the changes over that `gather` makes, in one call: of an emulated guest's time for a change more goes into the call and
   * its answer than into the change. The kernel makes them in turn, also those after one that it refuses (netlink_rcv_skb()).
   * @throws NetlinkError naming the first that was refused
   */
  together(gather: () => void): void {
    const changes: Change[] = [];
    this.#gathered = changes;
    try {
      gather();
    } finally {
      this.#gathered = null;
    }
    if (changes.length > 0) this.#exchange(changes);
  }

  /** Bodies of all replies to requests of which the last one is acknowledged, and others only where they are refused. */
  #exchange(changes: readonly Change[]): Buffer[] {
    const [{ what } = { what: '' }] = changes;
    const last = this.#send(what, changes, NLM_F.ACK);
    const first = last - changes.length + 1;
    const replies: Buffer[] = [];
    let refusal: NetlinkError | undefined;
    for (;;)
      for (const reply of this.#read(what)) {
        const change = changes[reply.sequence - first];
        if (!change) continue;
        if (reply.type !== NLMSG.ERROR) {
          replies.push(Buffer.from(reply.body));
          continue;
        }
        const { ret, words } = parseError(reply);
        if (ret !== 0 && errnoName(-ret) !== change.harmless)
          refusal ??= new NetlinkError(change.what, ret, words);
        if (reply.sequence !== last) continue;
        if (refusal) throw refusal;
        return replies;
      }
  }

  /** The sequence number of the last, which alone gets `flags`. */
  #send(what: string, changes: readonly Change[], flags: number): number {
    const messages = changes.map((change, i) => {
      const more = i === changes.length - 1 ? flags : 0;
      return message(change.type, change.flags | NLM_F.REQUEST | more, ++this.#sequence, change.body);
    });
    const iov = [Buffer.concat(messages)];
    const sent = this.#sys.sendmsg(this.#fd, { name: null, iov, control: null }, 0);
    if (sent < 0) throw new SystemError(`${what}: sendmsg(AF_NETLINK)`, sent);
    return this.#sequence;
  }

  #read(what: string): ReturnType<typeof parseMessages> {
    // The kernel answers before sendmsg() returns (netlink_unicast_kernel()), so there is rarely anything to wait for.
    reply ??= incomingMessage(REPLY_BYTES, 0);
    let got = this.#sys.recvmsg(this.#fd, reply, DONTWAIT);
    if (got === -EAGAIN) {
      const ready = this.#sys.poll(this.#fd, POLLIN, PATIENCE_MS);
      if (ready === 0) throw new SystemError(`${what}: no answer within ${PATIENCE_MS} ms`, -110);
      got = this.#sys.recvmsg(this.#fd, reply, DONTWAIT);
    }
    if (got < 0) throw new SystemError(`${what}: recvmsg(AF_NETLINK)`, got);
    return parseMessages(reply.data.subarray(0, got));
  }

  close(): void {
    this.#sys.close(this.#fd);
  }
}
