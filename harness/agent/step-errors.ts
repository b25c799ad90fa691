/** errors: what waits on a socket's error queue. include/uapi/linux/errqueue.h, net/ipv4/ip_sockglue.c: ip_recv_error(). */
import { errnoName } from '../abi/errno.ts';
import { MSG_FLAGS } from '../abi/flags.ts';
import { ERROR_ORIGINS } from '../contract/evidence.ts';
import type { QueuedError, ReceivedControl, StepEvidence } from '../contract/evidence.ts';
import type { Action } from '../contract/program.ts';
import { formatAddress } from '../wire/address.ts';
import type { Case } from './case.ts';
import { decodeControl } from './control.ts';
import { CallLog, outcome, result } from './notation.ts';
import { decodeSockaddr } from './sockaddr.ts';
import { POLL } from './sys.ts';

const FLAGS = (MSG_FLAGS['MSG_ERRQUEUE'] ?? 0) | (MSG_FLAGS['MSG_DONTWAIT'] ?? 0);
const EAGAIN = 11;
/** Notices read beyond those wanted before a flood is left alone. */
const SURPLUS = 64;
/** struct sock_extended_err; the address of the offender follows it. */
const EE = { errno: 0, origin: 4, type: 5, code: 6, info: 8, data: 12, size: 16 } as const;
/** struct scm_timestamping: three of struct timespec: software, (unused), hardware. */
const TIMESPEC = 16;
const RECVERR = new Set(['IP_RECVERR', 'IPV6_RECVERR']);

export function errors(run: Case, action: Extract<Action, { do: 'errors' }>): StepEvidence {
  const { fd } = run.socket(action.socket);
  const log = new CallLog();
  const found: QueuedError[] = [];
  const done = (ret: number): StepEvidence => ({ ...outcome(ret), errors: found, calls: log.lines });
  while (found.length < action.want + SURPLUS) {
    const message = run.receiveBuffers;
    message.dataRoom = message.data.length;
    message.controlRoom = message.control.length;
    const ret = run.sys.recvmsg(fd, message, FLAGS);
    if (ret >= 0) {
      const controls = decodeControl(message.control.subarray(0, message.controlLength));
      const notice = decodeNotice(controls, ret);
      // Without the option IP_RECVERR nothing tells what it is; that is evidence too.
      found.push(notice);
      log.add(`recvmsg(${fd}, ${describe(notice)}, MSG_DONTWAIT|MSG_ERRQUEUE)${result(ret)}`);
      continue;
    }
    log.add(`recvmsg(${fd}, …, MSG_DONTWAIT|MSG_ERRQUEUE)${result(ret)}`);
    if (ret !== -EAGAIN) return done(ret);
    if (notices(found) >= action.want || !wait(run, fd, action.waitMs, log)) return done(found.length);
  }
  return done(found.length);
}

/** Waits for POLLERR, which nobody has to ask for. False when the time passed. */
function wait(run: Case, fd: number, ms: number, log: CallLog): boolean {
  for (const wire of run.topology.wires) wire.pump();
  const patience = Math.ceil(Math.min(ms, run.timeLeft()));
  const ready = run.sys.poll(fd, 0, patience);
  log.add(`poll({${fd}, 0}, 1, ${patience})${result(ready > 0 ? 1 : ready)}`);
  if (ready === 0 && patience < ms) run.timeLeft();
  return ready > 0 && (ready & POLL.ERR) !== 0;
}

/** How many things are told of: the ids of zerocopy completions come as ranges. */
function notices(found: readonly QueuedError[]): number {
  return found.reduce(
    (sum, { origin, info, data }) => sum + (origin === 'zerocopy' ? data - info + 1 : 1),
    0,
  );
}

function decodeNotice(controls: readonly ReceivedControl[], length: number): QueuedError {
  const told = controls.find(({ type }) => RECVERR.has(type));
  const bytes = Buffer.alloc(EE.size);
  const all = Buffer.from(told?.hex ?? '', 'hex');
  all.copy(bytes);
  const number = bytes.readUInt8(EE.origin);
  const errno = bytes.readUInt32LE(EE.errno);
  // The family of an absent offender is AF_UNSPEC.
  const offender = decodeSockaddr(all.subarray(EE.size));
  return {
    origin: ERROR_ORIGINS[number] ?? `${number}`,
    errno: errno === 0 ? 'none' : errnoName(errno),
    type: bytes.readUInt8(EE.type),
    code: bytes.readUInt8(EE.code),
    info: bytes.readUInt32LE(EE.info),
    data: bytes.readUInt32LE(EE.data),
    length,
    offender: offender ? formatAddress(offender.address) : '',
    stamps: stamps(controls),
  };
}

function stamps(controls: readonly ReceivedControl[]): QueuedError['stamps'] {
  const told = controls.find(({ level, type }) => level === 'SOL_SOCKET' && type === 'SO_TIMESTAMPING');
  const bytes = Buffer.from(told?.hex ?? '', 'hex');
  const set = (index: number): boolean =>
    bytes.subarray(index * TIMESPEC, (index + 1) * TIMESPEC).some(Boolean);
  return [...(set(0) ? ['software' as const] : []), ...(set(2) ? ['hardware' as const] : [])];
}

/** `{zerocopy errno=none type=0 code=1 info=0 data=3, software}` */
function describe({ origin, errno, type, code, info, data, offender, stamps: list }: QueuedError): string {
  const from = offender === '' ? [] : [`from ${offender}`];
  const words = `${origin} errno=${errno} type=${type} code=${code} info=${info} data=${data}`;
  return `{${[words, ...from, ...list].join(', ')}}`;
}
