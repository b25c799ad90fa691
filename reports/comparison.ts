/** Expected and seen packets side by side as lines of text, the first difference marked. */
import type { ComparedPacket } from '../harness/contract/result.ts';
import { clip, pad, visible } from './text.ts';

/** Begins a line whose two sides differ. */
export const MARK = '▶';
const NONE = 'none';
/** Least width of either side. */
const NARROWEST = 12;

type Field = ComparedPacket['fields'][number];

function differs({ expected, actual }: Field): boolean {
  return expected !== actual;
}

/**
 * A line for each packet that is right; of the first one that is not, every field in two columns; of later ones only the
 * fields that differ. `width`: of a line, in characters.
 */
export function comparisonLines(packets: readonly ComparedPacket[], width: number): string[] {
  const names = packets.flatMap(({ fields }) => fields.map(({ name }) => visible(name).length));
  const label = Math.max(8, ...names);
  const most = Math.max(
    0,
    ...packets.flatMap(({ fields }) => fields.map(({ expected }) => visible(expected).length)),
  );
  const side = Math.max(NARROWEST, Math.min(most, Math.floor((width - label - 6) / 2)));
  const row = (mark: string, name: string, left: string, right: string): string =>
    `${mark} ${pad(visible(name), label)}  ${pad(short(left, side), side)}  ${short(right, side)}`.trimEnd();
  let detailed = false;
  return packets.flatMap((packet) => {
    const title = `packet ${packet.index}`;
    if (packet.presence === 'missing') return [row(MARK, title, brief(packet, 'expected'), NONE)];
    if (packet.presence === 'surplus') return [row(MARK, title, NONE, brief(packet, 'actual'))];
    if (!packet.fields.some(differs)) return [row(' ', title, 'as expected', '')];
    const shown = detailed ? packet.fields.filter(differs) : packet.fields;
    detailed = true;
    return [
      row(' ', title, 'expected', packet.atMs === undefined ? 'seen' : `seen at ${packet.atMs} ms`),
      ...shown.map((field) =>
        row(differs(field) ? MARK : ' ', field.name, field.expected || NONE, field.actual || NONE),
      ),
    ];
  });
}

/** Enough of a packet to know it by. */
function brief({ fields }: ComparedPacket, which: 'expected' | 'actual'): string {
  const wanted = fields.filter(({ name }) => name === 'bytes' || name === 'UDP length');
  return wanted
    .map((field) => (field.name === 'bytes' ? field[which] : `${field.name} ${field[which]}`))
    .join(', ');
}

function short(text: string, room: number): string {
  return clip(visible(text), room);
}
