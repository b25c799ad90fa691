/** inject: frames of the agent's own making, out of a device by AF_PACKET or in by a tap device. */
import { close as closeFile, writevSync } from 'node:fs';
import { errnoNumber } from '../abi/errno.ts';
import type { StepEvidence } from '../contract/evidence.ts';
import type { Action, Endpoint, HeaderFaults, MadePacket } from '../contract/program.ts';
import { parseAddress } from '../wire/address.ts';
import { ethernet, ip, spoil, tooBig, udp, vnet } from '../wire/build.ts';
import type { Addresses } from '../wire/build.ts';
import { UDP_PROTOCOL } from '../wire/udp.ts';
import type { Case } from './case.ts';
import { SystemError } from './namespaces.ts';
import { outcome, result } from './notation.ts';
import { payload } from './payload.ts';
import { AF, SOCK } from './sys.ts';
import type { SystemCalls } from './sys.ts';
import { tap } from './topology.ts';

type Inject = Extract<Action, { do: 'inject' }>;

const NEEDS_CSUM = 1;
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
  const addresses = addressesOf(packet);
  const whole = ethernet(to, mac, addresses, made(run, action, addresses));
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

function addressesOf(packet: MadePacket): Addresses {
  const [from, to] =
    packet.kind === 'udp' ? [packet.from.address, packet.to.address] : [packet.from, packet.to];
  return { from: bytes(from), to: bytes(to) };
}

function bytes(address: string): Buffer {
  const parsed = parseAddress(address);
  if (!parsed) throw new RangeError(`${address} is no IP address`);
  return parsed;
}

/** From the IP header on. */
function made(run: Case, { packet, vnet: { flags } }: Inject, addresses: Addresses): Buffer {
  if (packet.kind === 'udp') {
    const data = payload(run.seed, packet.stream, packet.bytes);
    const ports = { from: packet.from.port, to: packet.to.port };
    const right = ip(UDP_PROTOCOL, addresses, udp(ports, addresses, data, (flags & NEEDS_CSUM) !== 0));
    return packet.faults ? spoil(right, packet.faults) : right;
  }
  const { from, to } = packet.about;
  const ends = { from: bytes(from.address), to: bytes(to.address) };
  const quoted = udp({ from: from.port, to: to.port }, ends, Buffer.alloc(0), true);
  return tooBig(addresses, packet.mtu, ip(UDP_PROTOCOL, ends, quoted));
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
