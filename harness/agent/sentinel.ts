/**
 * The sentinel: a datagram of the agent's own, sent down the same path after everything else. What a receive finds before
 * it was there; when it comes next and last, nothing else is on the way. It takes the place of waiting.
 */
import type { Program } from '../contract/program.ts';
import { SystemError } from './namespaces.ts';
import { encodeSockaddr, portOf } from './sockaddr.ts';
import { AF, SOCK } from './sys.ts';
import type { SystemCalls } from './sys.ts';
import type { BuiltTopology } from './built-topology.ts';

type Receive = Extract<Program['actions'][number], { do: 'receive' }>;
export type SentinelPath = NonNullable<Receive['sentinel']>;

const MAGIC = Buffer.from('segproof sentinel');
/** Behind the magic: which one it is. */
const COUNTER = 4;
/** Length of a sentinel's payload in bytes. */
export const SENTINEL_BYTES = MAGIC.length + COUNTER;

/** Does a UDP payload belong to a sentinel, whichever? */
export function isSentinel(bytes: Buffer): boolean {
  return bytes.length === SENTINEL_BYTES && bytes.compare(MAGIC, 0, MAGIC.length, 0, MAGIC.length) === 0;
}

export class Sentinel {
  readonly #sys: SystemCalls;
  readonly #fd: number;
  readonly #counter = Buffer.alloc(COUNTER);
  /** Known after the first send. */
  #port = -1;

  constructor(sys: SystemCalls, family: number, protocol: number) {
    this.#sys = sys;
    this.#fd = sys.socket(family, SOCK.DGRAM | SOCK.CLOEXEC, protocol);
    if (this.#fd < 0) throw new SystemError('socket for the sentinel', this.#fd);
  }

  /** The topology's sentinel socket for this path; UDP-Lite receivers need one of their own kind. */
  static on(topology: BuiltTopology, sys: SystemCalls, path: SentinelPath, protocol: number): Sentinel {
    const make = (): Sentinel => new Sentinel(sys, path.family === 'ipv6' ? AF.INET6 : AF.INET, protocol);
    return topology.keep(path.ns, `sentinel ${path.family} ${protocol}`, make, (sentinel) => {
      sys.close(sentinel.#fd);
    });
  }

  /** Bytes sent, or minus the errno. */
  send(to: SentinelPath['to']): number {
    this.#counter.writeUInt32LE((this.#counter.readUInt32LE() + 1) >>> 0);
    const message = { name: encodeSockaddr(to), iov: [MAGIC, this.#counter], control: null };
    const ret = this.#sys.sendmsg(this.#fd, message, 0);
    if (ret >= 0 && this.#port < 0) {
      const name = Buffer.alloc(28);
      const length = this.#sys.getsockname(this.#fd, name);
      this.#port = portOf(name.subarray(0, length));
    }
    return ret;
  }

  /** Is this the sentinel last sent? Its beginning is enough where the buffer was too small for more. */
  is(bytes: Buffer, from: Buffer): boolean {
    if (bytes.length > SENTINEL_BYTES || portOf(from) !== this.#port) return false;
    const head = Math.min(bytes.length, MAGIC.length);
    if (bytes.compare(MAGIC, 0, head, 0, head) !== 0) return false;
    const rest = bytes.length - head;
    return bytes.compare(this.#counter, 0, rest, head, head + rest) === 0;
  }
}
