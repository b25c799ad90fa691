/**
 * Takes apart what the agent told of datagrams and captured frames. The agent only tells the frames of a case from others; headers
 * are read and checksums held against the bytes here, where it costs an emulated guest no time.
 */
import type {
  AgentEvidence,
  AgentStep,
  CaseEvidence,
  CapturedFrame,
  Datagram,
  Packet,
  RepeatedDatagram,
  StepEvidence,
} from '../contract/evidence.ts';
import { payload } from '../agent/payload.ts';
import { formatAddress, formatEndpoint } from '../wire/address.ts';
import { decodeIp, type IpPacket } from '../wire/frame.ts';
import { decodeUdp } from '../wire/udp.ts';
import { VNET_SIZE, decodeVnet, isMisplaced, tooShort, type VnetHeader } from '../wire/vnet.ts';
import { offsetOf, tunnelled } from './tunnelled.ts';
import { MachineError } from '../../vm/machine.ts';

/** Two hardware addresses, as hex: a VLAN tag stands behind them. */
const ADDRESSES_HEX = 24;

/** What the agent said of a case, with each of its packets and datagrams by itself. @throws MachineError (`garbled`) when one cannot have been captured */
export function takeApart(evidence: AgentEvidence, seed: number): CaseEvidence {
  return { ...evidence, steps: evidence.steps.map((step) => stepOf(step, seed)) };
}

function stepOf({ frames, datagrams, ...rest }: AgentStep, seed: number): StepEvidence {
  const step = datagrams ? { ...rest, datagrams: datagrams.flatMap(singly) } : rest;
  if (!frames) return step;
  const packets = frames.map((frame) => packetOf(frame, seed));
  return { ...step, packets, calls: [...step.calls, ...packets.map(describe)] };
}

function singly({ times = 1, ...first }: RepeatedDatagram): Datagram[] {
  const [run] = first.payload;
  return Array.from({ length: times }, (_, index) =>
    index === 0 || !run || 'foreign' in run
      ? first
      : { ...first, payload: [{ ...run, at: run.at + index * run.length }] },
  );
}

function describe(packet: Packet): string {
  const { direction, from, to, udpLength, ipLength, gso, gsoSize, checksum } = packet;
  const whole = gso === 'none' ? '' : `, ${gso} ${gsoSize}`;
  return `${direction} ${from} > ${to}: udp ${udpLength}, ip ${ipLength}${whole}, checksum ${checksum}`;
}

function packetOf(frame: CapturedFrame, seed: number): Packet {
  const head = Buffer.from(frame.head, 'hex');
  const { vnet, link } = apart(frame, head);
  const { bytes } = wholeFrame(link, frame.payload, seed);
  const tunnel = tunnelled(bytes, link.length, vnet);
  const inner = tunnel ? within(vnet, tunnel.at) : vnet;
  const ip = decodeIp(tunnel?.frame ?? bytes);
  if (!ip) throw new MachineError('garbled', 'the agent tells of a captured packet without an IP header');
  const udp = ip.laterFragment ? undefined : decodeUdp(ip, inner.partialChecksum);
  const headerLength = tooShort(vnet, link.length);
  const text = frame.head.slice((head.length - link.length) * 2);
  return {
    direction: frame.direction,
    gso: vnet.gso,
    gsoSize: vnet.gsoSize,
    ...(headerLength === undefined ? {} : { headerLength }),
    partialChecksum: inner.partialChecksum,
    family: ip.family,
    ipLength: ip.ipLength,
    udpLength: udp?.udpLength ?? 0,
    checksum: checksumOf(frame, inner, ip, udp?.checksum, tunnel?.frame ?? bytes),
    ...tunnel?.outer,
    payload: frame.payload,
    ...(ip.ipId === undefined ? {} : { ipId: ip.ipId }),
    ttl: ip.ttl,
    tos: ip.tos,
    ...(ip.df === undefined ? {} : { df: ip.df }),
    from: udp ? formatEndpoint(ip.source, udp.sourcePort) : formatAddress(ip.source),
    to: udp ? formatEndpoint(ip.destination, udp.destinationPort) : formatAddress(ip.destination),
    ...(frame.atMs === undefined ? {} : { atMs: frame.atMs }),
    head: text.slice(0, ADDRESSES_HEX) + frame.tag + text.slice(ADDRESSES_HEX),
  };
}

/** Without a virtio-net header the kernel refused to make one, which it does for UDP GSO only; the size stays unknown. */
function apart({ plain }: CapturedFrame, head: Buffer): { vnet: VnetHeader; link: Buffer } {
  if (plain)
    return { vnet: { gso: 'udp-l4', gsoSize: 0, partialChecksum: plain.partialChecksum }, link: head };
  const vnet = decodeVnet(head);
  if (!vnet) throw new MachineError('garbled', 'the agent tells of a captured packet without its header');
  return { vnet, link: head.subarray(VNET_SIZE) };
}

/** The header for the frame in a tunnel; a checksum that begins before it is not its own. */
function within(vnet: VnetHeader, at: number): VnetHeader {
  if (vnet.checksumAt === undefined) return vnet;
  const checksumAt = vnet.checksumAt - at;
  return { ...vnet, checksumAt, partialChecksum: vnet.partialChecksum && checksumAt >= 0 };
}

function checksumOf(
  frame: CapturedFrame,
  vnet: VnetHeader,
  ip: IpPacket,
  checksum: Packet['checksum'] | undefined,
  bytes: Buffer,
): Packet['checksum'] {
  if (checksum === undefined || ip.moreFragments) return 'fragment';
  if (isMisplaced(vnet, offsetOf(ip, bytes))) return 'misplaced';
  return frame.checksum ?? checksum;
}

/** Headers as captured; known payload is made again, foreign bytes are on record up to a point. Lengths in bytes. */
export function wholeFrame(
  head: Buffer,
  runs: Packet['payload'],
  seed: number,
): { bytes: Buffer; originalLength: number } {
  const parts: Buffer[] = [head];
  let originalLength = head.length;
  let whole = true;
  for (const run of runs) {
    originalLength += run.length;
    if (!whole) continue;
    const bytes =
      'foreign' in run
        ? Buffer.from(run.foreign, 'hex')
        : payload(seed, run.stream, run.at + run.length).subarray(run.at);
    parts.push(bytes);
    whole = bytes.length === run.length;
  }
  return { bytes: Buffer.concat(parts), originalLength };
}
