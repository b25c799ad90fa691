/** A synchronous netlink socket: one request, its answer, nothing else in between. */
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

/** Belongs to the namespace it was opened in, for good. */
export class Netlink {
  readonly #sys: SystemCalls;
  readonly #fd: number;
  #sequence = 0;

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
    const sequence = ++this.#sequence;
    const dump = (flags & NLM_F.DUMP) === NLM_F.DUMP;
    const bytes = message(type, flags | NLM_F.REQUEST | (dump ? 0 : NLM_F.ACK), sequence, body);
    const sent = this.#sys.sendmsg(this.#fd, { name: null, iov: [bytes], control: null }, 0);
    if (sent < 0) throw new SystemError(`${what}: sendmsg(AF_NETLINK)`, sent);
    const replies: Buffer[] = [];
    for (;;) {
      for (const reply of this.#read(what)) {
        if (reply.sequence !== sequence) continue;
        if (reply.type === NLMSG.DONE) return replies;
        if (reply.type === NLMSG.ERROR) {
          const { ret, words } = parseError(reply);
          if (ret !== 0) throw new NetlinkError(what, ret, words);
          return replies;
        }
        replies.push(Buffer.from(reply.body));
      }
    }
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
