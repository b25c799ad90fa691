/** Reads a text file a user named, whatever that turns out to be: folder, pipe, binary junk, endless. */
import { closeSync, fstatSync, openSync, readSync, constants } from 'node:fs';
import { isUtf8 } from 'node:buffer';

/** Largest file read, in bytes: the largest suite is a hundredth of this. */
export const MAX_BYTES = 1024 * 1024;

/** A reason why there is no text, with the offset in the text it belongs to. */
export class Unreadable extends Error {
  readonly line: number;
  readonly column: number;
  constructor(message: string, line = 1, column = 1) {
    super(message);
    this.line = line;
    this.column = column;
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a folder',
  ELOOP: 'its symbolic links go round in a circle',
  ENOTDIR: 'a part of its path is no folder',
  ENAMETOOLONG: 'its name is too long',
  ENXIO: 'it is a pipe, socket or device, not a regular file',
};

/** The file's text; throws {@link Unreadable}, and nothing else. */
export function readText(file: string): string {
  const bytes = readBytes(file);
  if (!isUtf8(bytes)) {
    const utf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
    const text = bytes.toString('utf8');
    throw at(text, text.indexOf('\ufffd'), utf16 ? 'it is UTF-16, not UTF-8' : 'this byte is not UTF-8');
  }
  return bytes.toString('utf8');
}

/** Throws {@link Unreadable} at the first character that YAML 1.2 (5.1) calls non-printable. */
export function requirePrintable(text: string): void {
  // eslint-disable-next-line no-control-regex
  const bad = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]/u.exec(text);
  if (!bad) return;
  const code = (text.codePointAt(bad.index) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  throw at(text, bad.index, `the control character U+${code} is not allowed in YAML`);
}

function readBytes(file: string): Buffer {
  let fd: number | undefined;
  try {
    // O_NONBLOCK: opening a pipe nobody writes to would wait for ever.
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(fd);
    if (stat.isDirectory()) throw new Unreadable('it is a folder');
    if (!stat.isFile()) throw new Unreadable('it is a pipe, socket or device, not a regular file');
    const buffer = Buffer.alloc(MAX_BYTES + 1);
    let length = 0;
    for (let n = -1; n !== 0 && length <= MAX_BYTES; length += n) {
      n = readSync(fd, buffer, length, buffer.length - length, null);
    }
    if (length > MAX_BYTES)
      throw new Unreadable(`it is larger than ${MAX_BYTES / 1024} KiB, which no suite needs: split it`);
    return buffer.subarray(0, length);
  } catch (error) {
    if (error instanceof Unreadable) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new Unreadable(REASONS[code] ?? code);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function at(text: string, offset: number, message: string): Unreadable {
  const before = text.slice(0, Math.max(0, offset)).split('\n');
  return new Unreadable(message, before.length, (before.at(-1) ?? '').length + 1);
}
