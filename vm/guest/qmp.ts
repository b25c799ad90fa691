/** QEMU's control channel (QMP): one JSON text per line, commands answered in their order, events in between. */
import type { Duplex } from 'node:stream';

/** What QEMU says by itself, e.g. `RESUME`, `VSERPORT_CHANGE`. */
export interface QmpEvent {
  readonly event: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

type Reply = { readonly return: unknown } | { readonly error: { readonly desc: string } };

interface Waiting {
  readonly settle: (value: unknown) => void;
  readonly reject: (problem: Error) => void;
}

export class Qmp {
  readonly #socket: Duplex;
  readonly #waiting: Waiting[] = [];
  readonly #onEvent: (event: QmpEvent) => void;
  #rest = '';
  #gone = false;

  /** @param socket connected to QEMU, which has not been talked to yet */
  constructor(socket: Duplex, onEvent: (event: QmpEvent) => void) {
    this.#socket = socket;
    this.#onEvent = onEvent;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      this.#take(text);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#gone = true;
      for (const { reject } of this.#waiting.splice(0)) reject(new Error('QEMU is gone'));
    });
    this.command('qmp_capabilities').catch(() => undefined);
  }

  /** What QEMU answers. @throws Error with QEMU's own words, or when it is gone */
  command(execute: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    return new Promise((settle, reject) => {
      if (this.#gone) reject(new Error('QEMU is gone'));
      else {
        this.#waiting.push({ settle, reject });
        this.#socket.write(`${JSON.stringify({ execute, arguments: args })}\n`);
      }
    });
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const message = JSON.parse(line) as QmpEvent | Reply | { readonly QMP: unknown };
      if ('event' in message) this.#onEvent(message);
      else if ('return' in message) this.#waiting.shift()?.settle(message.return);
      else if ('error' in message) this.#waiting.shift()?.reject(new Error(message.error.desc));
    }
  }
}
