/** The frame that an inject step puts on a device, from its link header on. */
import type { Action, MadePacket } from '../contract/program.ts';
import { parseAddress } from '../wire/address.ts';
import { ethernet, ip, spoil, tooBig, udp } from '../wire/build.ts';
import type { Addresses } from '../wire/build.ts';
import { UDP_PROTOCOL } from '../wire/udp.ts';
import { payload } from './payload.ts';

type Inject = Extract<Action, { do: 'inject' }>;

const NEEDS_CSUM = 1;

/** Whole, also where less of it is to be sent. `hardware`: addresses of 6 bytes. */
export function madeFrame(action: Inject, seed: number, hardware: Addresses): Buffer {
  const { packet } = action;
  const [from, to] =
    packet.kind === 'udp' ? [packet.from.address, packet.to.address] : [packet.from, packet.to];
  const addresses = { from: bytes(from), to: bytes(to) };
  return ethernet(hardware.to, hardware.from, addresses, made(packet, action.vnet.flags, seed, addresses));
}

function bytes(address: string): Buffer {
  const parsed = parseAddress(address);
  if (!parsed) throw new RangeError(`${address} is no IP address`);
  return parsed;
}

/** From the IP header on. */
function made(packet: MadePacket, flags: number, seed: number, addresses: Addresses): Buffer {
  if (packet.kind === 'udp') {
    const data = payload(seed, packet.stream, packet.bytes);
    const ports = { from: packet.from.port, to: packet.to.port };
    const right = ip(UDP_PROTOCOL, addresses, udp(ports, addresses, data, (flags & NEEDS_CSUM) !== 0));
    return packet.faults ? spoil(right, packet.faults) : right;
  }
  const { from, to } = packet.about;
  const ends = { from: bytes(from.address), to: bytes(to.address) };
  const quoted = udp({ from: from.port, to: to.port }, ends, Buffer.alloc(0), true);
  return tooBig(addresses, packet.mtu, ip(UDP_PROTOCOL, ends, quoted));
}
