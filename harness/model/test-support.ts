/** For tests: what the model says of a suite's case, and captured packets that are just so, or have bytes that are not. */
import { join } from 'node:path';
import type { CapturedFrame, Packet } from '../contract/evidence.ts';
import type { PlannedCase } from '../contract/expectation.ts';
import { payload } from '../agent/payload.ts';
import { loadProject } from '../load/project.ts';
import { planTarget } from '../plan/target.ts';
import { stated } from '../plan/version.ts';
import { takeApart } from '../run/captured.ts';
import { parseAddress } from '../wire/address.ts';
import { ethernet, ip, udp, vnet } from '../wire/build.ts';
import { fold, sum16 } from '../wire/checksum.ts';
import { differences, wrongFields } from './compare.ts';
import type { ModelPacket } from './packets.ts';
import { Walk } from './walk.ts';

const SEED = 3;
const UDP = 17;
const MAC = Buffer.from('020000000001', 'hex');
const ETHERNET = 14;
const project = loadProject(join(import.meta.dirname, '..', '..'));

type States = Readonly<Record<string, boolean>>;
const plans = new Map<string, { states: States; cases: ReadonlyMap<string, PlannedCase> }>();

/** Every case as a kernel of that version has to show it. */
export function planned(version: string): { states: States; cases: ReadonlyMap<string, PlannedCase> } {
  const known = plans.get(version);
  if (known) return known;
  const { topologies, behaviours } = project;
  const states: States = Object.fromEntries(
    behaviours.list.map((behaviour) => [behaviour.name, stated(behaviour, version) === 'must-have']),
  );
  const has = (name: string): boolean => states[name] ?? false;
  const cases = project.suites.flatMap((suite) => suite.cases);
  const plan = [...planTarget(cases, { topologies, behaviours, has, states })];
  const fresh = { states, cases: new Map(plan.map((one) => [one.id, one])) };
  plans.set(version, fresh);
  return fresh;
}

/** Packets of each capture that a case reads, in order, on a kernel of that version. */
export function modelled(id: string, version: string): readonly (readonly ModelPacket[])[] {
  const { states, cases } = planned(version);
  const one = cases.get(id);
  if (!one) throw new Error(`there is no case ${id}`);
  const walk = new Walk(one.program, states);
  return one.program.actions.flatMap((action) => {
    const model = walk.step(action, { ok: true, sent: Infinity });
    return model.kind === 'packets' ? [model.packets] : [];
  });
}

interface Header {
  readonly ttl: number;
  readonly tos: number;
  readonly df?: boolean;
  readonly id: number;
  readonly flowLabel: number;
}

/** Fields that {@link ip} has fixed. */
function header(packet: Buffer, { ttl, tos, df = false, id, flowLabel }: Header): Buffer {
  if (packet.readUInt8(0) >> 4 === 6) {
    packet.writeUInt32BE(((6 << 28) | (tos << 20) | flowLabel) >>> 0, 0);
    packet.writeUInt8(ttl, 7);
    return packet;
  }
  packet.writeUInt8(tos, 1);
  packet.writeUInt16BE(id & 0xffff, 4);
  packet.writeUInt16BE(df ? 0x4000 : 0, 6);
  packet.writeUInt8(ttl, 8);
  return summed(packet);
}

/** With a right header checksum. */
export function summed(packet: Buffer): Buffer {
  packet.writeUInt16BE(0, 10);
  packet.writeUInt16BE(~fold(sum16(packet, 0, 20)) & 0xffff, 10);
  return packet;
}

function ends({ from, to }: Pick<ModelPacket, 'from' | 'to'>): { from: Buffer; to: Buffer } {
  const bytes = (address: string): Buffer => parseAddress(address) ?? Buffer.alloc(0);
  return { from: bytes(from.address), to: bytes(to.address) };
}

/** First identification of all there are here, inner and outer. */
const FIRST_ID = { inner: 100, outer: 5000 } as const;
const ANY_PORT = 40123;

function inner(packet: ModelPacket, data: Buffer, partial: boolean): Buffer {
  const { from, to, ttl, tos, df, datagram, idStep } = packet;
  const between = ends(packet);
  const ports = { from: from.port === 0 ? ANY_PORT : from.port, to: to.port };
  const bytes = ip(UDP, between, udp(ports, between, data, partial));
  const id = FIRST_ID.inner + 100 * datagram + idStep;
  const shown = header(bytes, { ttl, tos, ...(df === undefined ? {} : { df }), id, flowLabel: 0 });
  return ethernet(MAC, MAC, between, shown);
}

/** The frame of a packet in a tunnel with the header that a capture puts before it; all is left or filled in as it must be. */
function frameOf(packet: ModelPacket, count: number): { vnet: Buffer; frame: Buffer; length: number } {
  const { outer } = packet;
  if (!outer) throw new Error('it is in no tunnel');
  const data = Buffer.concat(
    packet.payload.map(({ stream, at, length }) => payload(SEED, stream, at + length).subarray(at)),
  );
  const partial = packet.checksum === 'partial';
  const between = ends(outer);
  const tag = Buffer.from('0800000000000000', 'hex');
  tag.writeUInt32BE(outer.network * 256, 4);
  const around = (sum: boolean): Buffer => Buffer.concat([tag, inner(packet, data, sum)]);
  const ports = { from: outer.from.port === 0 ? ANY_PORT : outer.from.port, to: outer.to.port };
  // An outer checksum counts on the inner one that is still to be filled in.
  const whole = udp(
    ports,
    between,
    around(outer.checksum === 'partial' && partial),
    outer.checksum === 'partial',
  );
  if (outer.checksum === 'zero') whole.writeUInt16BE(0, 6);
  const content = Buffer.concat([whole.subarray(0, 8), around(partial)]);
  const { ttl, tos, df, idStep } = outer;
  const id = FIRST_ID.outer + 100 * count + idStep;
  const shown = header(ip(UDP, between, content), {
    ttl,
    tos,
    ...(df === undefined ? {} : { df }),
    id,
    flowLabel: 0,
  });
  const frame = ethernet(MAC, MAC, between, shown);
  const at = frame.length - data.length - 8;
  const gso = packet.gso === 'none' ? 0 : 5;
  const headers = gso === 0 ? 0 : at + 8;
  const start = partial ? at : outer.checksum === 'partial' ? ETHERNET + shown.length - content.length : 0;
  return {
    vnet: vnet([start > 0 ? 1 : 0, gso, headers, packet.gsoSize, start, start > 0 ? 6 : 0]),
    frame,
    length: data.length,
  };
}

/** `change`: what is wrong with the packet of that index. Offsets count from the outer link header. */
export function seen(
  packets: readonly ModelPacket[],
  change: (frame: Buffer, index: number, vnet: Buffer) => void = () => undefined,
): Packet[] {
  const wholes: string[] = [];
  const frames = packets.map((packet, index): CapturedFrame => {
    const whole = packet.outer?.whole ?? '';
    if (!wholes.includes(whole)) wholes.push(whole);
    const { vnet: first, frame, length } = frameOf(packet, wholes.indexOf(whole));
    change(frame, index, first);
    return {
      direction: 'out',
      head: Buffer.concat([first, frame.subarray(0, frame.length - length)]).toString('hex'),
      tag: '',
      payload: [...packet.payload],
    };
  });
  const kernel = { log: [], taint: { before: 0, after: 0 } };
  const steps = [{ ret: 0, calls: [], frames }];
  const taken = takeApart({ id: 'a/b', setup: [], durationMs: 1, kernel, steps }, SEED);
  return [...(taken.steps[0]?.packets ?? [])];
}

/** The first packet that is not as it must be, in the words of reports; empty: all are. */
export function refused(expected: readonly ModelPacket[], got: readonly Packet[]): string {
  const line = differences(expected, got)?.find(
    (one) => one.presence !== 'both' || wrongFields(one).length > 0,
  );
  if (!line) return '';
  const texts = wrongFields(line).map(({ name, expected: want, actual }) => `${name} ${want}, not ${actual}`);
  return `${line.index}: ${line.presence === 'both' ? texts.join('; ') : line.presence}`;
}
