/** Host's end of a channel: what the agent says, as an async iterable; what it is told, queued without bound. */
import type { Readable, Writable } from 'node:stream';
import { FrameDecoder, FrameEncoder, FrameError } from './frames.ts';
import { MachineError } from './machine.ts';

/** Messages from one machine; one reader. A failure is delivered after everything that came before it. */
export class Inbox implements AsyncIterable<unknown> {
  readonly #queue: unknown[] = [];
  #end: { readonly error: Error | null } | undefined;
  #wake: () => void = () => undefined;
  /** True once anything has arrived. */
  heard = false;

  push(messages: readonly unknown[]): void {
    if (this.#end || messages.length === 0) return;
    this.heard = true;
    this.#queue.push(...messages);
    this.#wake();
  }

  /** Ends the iteration, with an error or in peace. Only the first call counts. */
  close(error: Error | null): void {
    this.#end ??= { error };
    this.#wake();
  }

  get closed(): boolean {
    return this.#end !== undefined;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<unknown, void> {
    for (;;) {
      while (this.#queue.length > 0) yield this.#queue.shift();
      if (this.#end?.error) throw this.#end.error;
      if (this.#end) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

export interface HostChannel {
  send: (message: unknown) => void;
  /** Why the records stopped making sense; null while they do. Settled for good once the stream has ended. */
  fault(): MachineError | null;
  /** Checks, at the end of the stream, that it did not end inside a record. */
  finish(): void;
}

/**
 * Reads `from` into `inbox` for as long as it lasts, and sends to `to`. It is always drained, whether anybody takes the messages or
 * not: the agent writes its reply before it reads on, so a full pipe in both directions would stop both sides.
 */
export const openHostChannel = (
  { from, to }: { readonly from: Readable; readonly to: Writable },
  inbox: Inbox,
  onFault: () => void,
): HostChannel => {
  const encoder = new FrameEncoder();
  const decoder = new FrameDecoder();
  let fault: MachineError | null = null;
  const guard = (action: () => readonly unknown[]): void => {
    if (fault) return;
    try {
      inbox.push(action());
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      fault = new MachineError(
        'garbled',
        `what the agent sent cannot be trusted any more: ${error.message}`,
        'The cases without a complete record have no verdict; run them again.',
      );
      onFault();
    }
  };
  // ECONNRESET, EPIPE: the other side went with something unread. That it went is what `close` is for.
  for (const stream of [from, to]) stream.on('error', () => undefined);
  from.on('data', (chunk: Buffer) => {
    guard(() => decoder.push(chunk));
    if (fault) inbox.push(decoder.salvage);
  });
  return {
    send: (message) => {
      if (!to.destroyed) to.write(encoder.encode(message));
    },
    fault: () => fault,
    finish: () => {
      guard(() => {
        decoder.finish();
        return [];
      });
    },
  };
};
