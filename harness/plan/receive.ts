/** Receives: what must be in the queue, and how the end of it is shown. */
import type { Action } from '../contract/program.ts';
import type { Build, OpenSocket } from './build.ts';
import { endpointOf } from './topology.ts';

type Receive = Extract<Action, { readonly do: 'receive' }>;

/** Reads that take nothing away, or from another queue, cannot end with a datagram of the agent's own. */
const NO_SENTINEL = new Set(['MSG_PEEK', 'MSG_ERRQUEUE']);

export const RECEIVE_DEFAULTS = { buffer: 65535, control: 256, waitMs: 200 } as const;

/**
 * Where a sentinel for this socket can be sent from and to. There is none where order is not kept, where the socket takes
 * datagrams from one peer only, or where nobody can know its port.
 */
export function sentinelFor(build: Build, socket: OpenSocket, flags: readonly string[]): Receive['sentinel'] {
  const { resolved } = build;
  const { bound, family } = socket;
  if (!resolved.ordered || !bound || bound.port === 0 || socket.connected || build.pathChanged)
    return undefined;
  if (flags.some((flag) => NO_SENTINEL.has(flag))) return undefined;
  const own = socket.ns === resolved.receiver.ns ? resolved.receiver : resolved.sender;
  const other = own === resolved.receiver ? resolved.sender : resolved.receiver;
  const wild = bound.address === '0.0.0.0' || bound.address === '::';
  const to = wild ? endpointOf(own, family, bound.port) : bound;
  return to ? { ns: other.ns, family, to } : undefined;
}
