import type { Writable } from 'node:stream';

/** A stream that views write to: a vanished reader ends it quietly, any other failure is told once, at the end. */
export interface Sink {
  write(text: string): void;
  /** Resolves when everything written was handed over; rejects when it could not be. The stream stays open. */
  flush(): Promise<void>;
}

/** EPIPE: the reader (`| head`) closed its end; EIO: the terminal hung up. */
const GONE = new Set(['EPIPE', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END', 'EIO']);

/** Wraps a stream that may break at any time. */
export function createSink(stream: Writable): Sink {
  const state: { broken: NodeJS.ErrnoException | null } = { broken: null };
  const onError = (error?: NodeJS.ErrnoException | null): void => {
    state.broken ??= error ?? null;
  };
  // Stays on for good: an error of a write can be reported after flush() resolved, and would end the process.
  stream.on('error', onError);
  return {
    write(text) {
      // The callback learns of a failure before the `error` event, which waits until the stream is closed.
      if (state.broken === null && !stream.destroyed) stream.write(text, onError);
    },
    async flush() {
      if (state.broken === null && !stream.destroyed) {
        await new Promise<void>((resolve) => {
          stream.once('close', resolve);
          stream.write('', (error) => {
            onError(error);
            stream.off('close', resolve);
            resolve();
          });
        });
      }
      const failure: NodeJS.ErrnoException | null = state.broken ?? stream.errored;
      if (failure !== null && !GONE.has(failure.code ?? '')) {
        throw new Error(`cannot write the report: ${failure.message}`, { cause: failure });
      }
    },
  };
}
