/**
 * Lines of the journal. Each ends with a checksum over itself and the line before, so that a line which was changed,
 * removed or doubled is seen when the run is resumed.
 */
import { crc32 } from 'node:zlib';
import type { RunEvent } from '../contract/result.ts';

/** Checksum before the first line. */
export const START = 0;

/** How far a journal is good. */
export interface Kept {
  readonly bytes: number;
  readonly crc: number;
}

export interface ReadJournal extends Kept {
  readonly events: readonly RunEvent[];
  /** Bytes after the last whole line: a record that was cut off. */
  readonly cut: number;
}

/** Damage in the midst of a journal; `line` counts from 1. */
export class JournalDamage extends Error {
  readonly line: number;
  constructor(line: number, message: string) {
    super(message);
    this.name = 'JournalDamage';
    this.line = line;
  }
}

const hex = (crc: number): string => crc.toString(16).padStart(8, '0');

/** The line for an event's JSON text, and the checksum that the next one builds on. */
export function seal(json: string, before: number): { line: string; crc: number } {
  const crc = crc32(json, before);
  return { line: `${json.slice(0, -1)},"crc":"${hex(crc)}"}\n`, crc };
}

const SEAL = /,"crc":"([0-9a-f]{8})"\}$/;

const LINE_FEED = 0x0a;

/**
 * The events of a journal, which comes in pieces of any size: the whole of it may be more than a string can hold (512 MiB). What
 * follows the last line feed was being written when the run ended and is left out.
 * @throws JournalDamage at the first line that is not as it was written
 */
export function parseJournal(pieces: Iterable<Buffer>): ReadJournal {
  const events: RunEvent[] = [];
  let crc = START;
  let bytes = 0;
  let rest: Buffer[] = [];
  for (const piece of pieces) {
    let from = 0;
    for (let end = piece.indexOf(LINE_FEED); end >= 0; end = piece.indexOf(LINE_FEED, from)) {
      const line = Buffer.concat([...rest, piece.subarray(from, end)]);
      const { event, crc: found } = unseal(line.toString('utf8'), crc, events.length + 1);
      crc = found;
      events.push(event);
      bytes += line.length + 1;
      rest = [];
      from = end + 1;
    }
    // A copy: whoever reads may use the same memory for the next piece.
    if (from < piece.length) rest.push(Buffer.from(piece.subarray(from)));
  }
  return { events, bytes, cut: rest.reduce((sum, { length }) => sum + length, 0), crc };
}

/** The event of line `number`, and the checksum that the next line builds on. */
function unseal(text: string, before: number, number: number): { event: RunEvent; crc: number } {
  const match = SEAL.exec(text);
  if (!match) throw new JournalDamage(number, 'this line has no checksum');
  const json = `${text.slice(0, match.index)}}`;
  const crc = crc32(json, before);
  if (hex(crc) !== match[1])
    throw new JournalDamage(number, `this line or the one before was changed, removed or doubled`);
  return { event: JSON.parse(json) as RunEvent, crc };
}
