/** inject: frames of the agent's own making, out of a device by AF_PACKET or in by a tap device. */
import { close as closeFile, writevSync } from 'node:fs';
import { errnoNumber } from '../abi/errno.ts';
import type { StepEvidence } from '../contract/evidence.ts';
import type { Action, Endpoint, HeaderFaults, MadePacket } from '../contract/program.ts';
import { vnet } from '../wire/build.ts';
import type { Case } from './case.ts';
import { madeFrame } from './made-frame.ts';
import { SystemError } from './namespaces.ts';
import { outcome, result } from './notation.ts';
import { AF, SOCK } from './sys.ts';
import type { SystemCalls } from './sys.ts';
import { tap } from './create-links.ts';

type Inject = Extract<Action, { do: 'inject' }>;

const SOL_PACKET = 263;
const PACKET_VNET_HDR = 15;
const SOCKADDR_LL = 20;
const NO_HARDWARE = Buffer.alloc(6);

export function inject(run: Case, action: Inject): StepEvidence {
  const { ns, dev, by, hardware, packet } = action;
  const { index, mac } = run.topology.device(ns, dev);
  const to = hardware ? run.topology.device(hardware.ns, hardware.dev).mac : NO_HARDWARE;
  // The routes remember what they were told: no other case may have them.
  if (packet.kind === 'too-big') run.topology.usedUp = true;
  run.topology.enter(ns);
  const whole = madeFrame(action, run.seed, { to, from: mac });
  const frame = whole.subarray(0, action.cut ?? whole.length);
  const { flags, gsoType, hdrLen, gsoSize, csumStart, csumOffset } = action.vnet;
  const header = vnet([flags, gsoType, hdrLen, gsoSize, csumStart, csumOffset]);
  run.beginSending();
  const ret = by === 'tap' ? write(run, action, header, frame) : send(run, action, index, header, frame);
  if (packet.kind === 'udp') run.ledger.sent(packet.stream, packet.bytes, ret >= 0);
  const words =
    `vnet={flags=${flags} gso_type=${gsoType} hdr_len=${hdrLen} gso_size=${gsoSize} ` +
    `csum_start=${csumStart} csum_offset=${csumOffset}}, ${describe(packet)}, ${frame.length} bytes`;
  const call = by === 'tap' ? `writev(tap ${dev}` : `sendmsg(AF_PACKET on ${dev}`;
  return { ...outcome(ret), calls: [`${ns}: ${call}, {${words}})${result(ret)}`] };
}

function send(run: Case, { ns, dev }: Inject, index: number, header: Buffer, frame: Buffer): number {
  // Closing a packet socket waits for an RCU grace period: it stays with the topology.
  const fd = run.topology.keep(
    ns,
    `injector ${dev}`,
    () => open(run.own, index),
    (made, ending) => {
      if (ending) closeFile(made, () => undefined);
      else run.own.close(made);
    },
  );
  return run.sys.sendmsg(fd, { name: null, iov: [header, frame], control: null }, 0);
}

function open(sys: SystemCalls, index: number): number {
  // Protocol 0: it receives nothing, and what it sends is told by the frame's own type.
  const fd = sys.socket(AF.PACKET, SOCK.RAW | SOCK.CLOEXEC, 0);
  if (fd < 0) throw new SystemError('socket(AF_PACKET)', fd);
  const on = Buffer.alloc(4);
  on.writeInt32LE(1);
  const ret = sys.setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, on, on.length);
  const name = Buffer.alloc(SOCKADDR_LL);
  name.writeUInt16LE(AF.PACKET, 0);
  name.writeInt32LE(index, 4);
  const bound = ret < 0 ? ret : sys.bind(fd, name);
  if (bound >= 0) return fd;
  sys.close(fd);
  throw new SystemError('cannot inject', bound);
}

/** Bytes written, or minus the errno. */
function write(run: Case, { ns, dev }: Inject, header: Buffer, frame: Buffer): number {
  const fd = tap(run.topology, run.own, ns, dev);
  try {
    return writevSync(fd, [header, frame]);
  } catch (error) {
    const number = errnoNumber((error as NodeJS.ErrnoException).code ?? '');
    if (number === undefined) throw error;
    return -number;
  }
}

function describe(packet: MadePacket): string {
  const end = ({ address, port }: Endpoint): string => `${address} port ${port}`;
  if (packet.kind === 'udp')
    return `udp ${end(packet.from)} to ${end(packet.to)}, ${packet.bytes} bytes of payload${wrong(packet.faults)}`;
  return `too big: mtu ${packet.mtu}, about ${end(packet.about.from)} to ${end(packet.about.to)}`;
}

function wrong(faults: HeaderFaults | undefined): string {
  return Object.entries(faults ?? {})
    .map(([field, value]) => `, ${field} ${String(value)}`)
    .join('');
}
