/** Helpers for the tests of views: collect what a view writes, and compare it with a file under golden/. */
import { readFileSync, writeFileSync } from 'node:fs';
import { Writable } from 'node:stream';
import type { RunEvent } from '../harness/contract/result.ts';
import type { View, ViewOptions } from './view.ts';

/** A stream that keeps what it gets, as the bytes a terminal or file would see. */
export class Memory extends Writable {
  readonly #chunks: Buffer[] = [];

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#chunks.push(chunk);
    done();
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}

/** Shows events in a view and gives what it wrote. */
export async function shown(
  create: (options: ViewOptions) => View,
  events: readonly RunEvent[],
  options: Partial<ViewOptions> = {},
): Promise<{ readonly out: string; readonly err: string }> {
  const out = new Memory();
  const err = new Memory();
  const clock = { ms: 0 };
  const now = (): number => (clock.ms += 50);
  const plain = { colour: false, tty: false, columns: 100, verbose: false };
  const view = create({ out, err, now, ...plain, ...options });
  for (const event of events) view.event(event);
  await view.close();
  return { out: out.text, err: err.text };
}

/** Text of a golden file; with SEGPROOF_UPDATE_GOLDEN=1 it is written first. */
export function golden(name: string, text: string): string {
  const file = new URL(`golden/${name}`, import.meta.url);
  if (process.env['SEGPROOF_UPDATE_GOLDEN'] === '1') writeFileSync(file, text);
  return readFileSync(file, 'utf8');
}
