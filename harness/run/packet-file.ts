/** What a case's captures saw, as a pcapng file with comments on what is wrong, for Wireshark. */
import type { CaseEvidence, Packet } from '../contract/evidence.ts';
import type { PlannedCase } from '../contract/expectation.ts';
import type { Check, ComparedPacket } from '../contract/result.ts';
import { wholeFrame } from './captured.ts';
import { wrongFields } from '../model/compare.ts';
import { Pcapng } from '../wire/pcapng.ts';

/** Name of the file in the case's folder. */
export const PACKET_FILE = 'packets.pcapng';

/** Nanoseconds between packets of which only the order is on record. */
const STEP_NS = 1000n;
const NS_PER_MS = 1e6;

/** Did the case look at the wire at all? */
export function hasPackets({ steps }: CaseEvidence): boolean {
  return steps.some(({ packets }) => packets !== undefined);
}

/** `target`: the kernel it ran on. */
export function packetFile(
  target: string,
  planned: PlannedCase,
  evidence: CaseEvidence,
  checks: readonly Check[],
): Buffer {
  const failed = checks.filter(({ ok }) => !ok);
  const file = new Pcapng({
    hardware: '',
    os: `Linux, target ${target}`,
    application: 'segproof',
    comments: [
      `case ${planned.id}\nrule: ${planned.rule}`,
      ...failed.map(
        ({ name, expected, actual }) => `${name}\nexpected ${expected.join(' or ')}\ngot ${actual}`,
      ),
    ],
  });
  const points = new Map<string, number>();
  const origin = BigInt(evidence.sentAt ?? 0);
  let timeNs = origin + STEP_NS;
  for (const [i, action] of planned.program.actions.entries()) {
    if (action.do === 'capture') {
      const { capture, ns, dev, port } = action;
      const description = `capture ${capture}, UDP port ${port}`;
      points.set(capture, file.addInterface({ name: `${ns}/${dev}`, description }));
    }
    const point = action.do === 'packets' ? points.get(action.capture) : undefined;
    const packets = evidence.steps[i]?.packets;
    if (action.do !== 'packets' || point === undefined || !packets) continue;
    const found = failed.find(
      ({ name }) => name.startsWith(`packets of ${action.capture}:`) && name.endsWith('model'),
    );
    for (const [index, packet] of packets.entries()) {
      if (packet.atMs !== undefined) timeNs = origin + BigInt(Math.round(packet.atMs * NS_PER_MS));
      const { bytes, originalLength } = wholeFrame(
        Buffer.from(packet.head, 'hex'),
        packet.payload,
        planned.program.seed,
      );
      const line = found?.comparison?.find((one) => one.index === index);
      const comments = [...shape(packet), ...remarks(line)];
      file.addPacket({
        interface: point,
        timeNs,
        bytes,
        originalLength,
        direction: packet.direction,
        comments,
      });
      timeNs += STEP_NS;
    }
  }
  return file.toBuffer();
}

/** What only the virtio-net header says. */
function shape({ gso, gsoSize, checksum }: Packet): string[] {
  const size = gsoSize === 0 ? 'of unknown segment size' : `of ${gsoSize} bytes each`;
  if (gso !== 'none') return [`passed whole: ${gso} segments ${size}, checksum ${checksum}`];
  return checksum === 'partial' ? ['the checksum is left to the device'] : [];
}

function remarks(line: ComparedPacket | undefined): string[] {
  if (!line) return [];
  if (line.presence === 'surplus') return ['no such packet is expected'];
  return wrongFields(line).map(
    ({ name, expected, actual }) => `${name}: expected ${expected || 'none'}, seen ${actual || 'none'}`,
  );
}
