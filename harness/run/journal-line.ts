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

/**
 * The events of a journal's bytes. What follows the last line feed was being written when the run ended and is left out.
 * @throws JournalDamage at the first line that is not as it was written
 */
export function parseJournal(bytes: Buffer): ReadJournal {
  const end = bytes.lastIndexOf(0x0a) + 1;
  const events: RunEvent[] = [];
  let crc = START;
  for (const [i, text] of bytes.toString('utf8', 0, end).split('\n').slice(0, -1).entries()) {
    const match = SEAL.exec(text);
    if (!match) throw new JournalDamage(i + 1, 'this line has no checksum');
    const json = `${text.slice(0, match.index)}}`;
    const found = crc32(json, crc);
    if (hex(found) !== match[1])
      throw new JournalDamage(i + 1, `this line or the one before was changed, removed or doubled`);
    crc = found;
    events.push(JSON.parse(json) as RunEvent);
  }
  return { events, bytes: end, cut: bytes.length - end, crc };
}
