/** The agent's end of the channel: synchronous, because the agent does one thing at a time and never misses a datagram. */
import { openSync, readFileSync, readSync, readdirSync, writeSync } from 'node:fs';
import { FrameDecoder, FrameEncoder } from './frames.ts';

const PORTS = '/sys/class/virtio-ports';
/** virtio_console hands over at most one page per read; sockets more. */
const READ_BYTES = 64 * 1024;

export interface AgentChannel {
  /** Waits for the next message; undefined when segproof has closed its end. @throws FrameError */
  receive(): unknown;
  /** Returns when the record has been handed to the kernel. */
  send(message: unknown): void;
  /** As send, but may be held back until the next send, or until receive has to wait: two records, one write. */
  post(message: unknown): void;
}

/** Descriptors to read from and to write to; opens the port where one is named. */
export const channelDescriptors = (spec: string): readonly [number, number] => {
  const fd = /^fd:(\d+)(?:,(\d+))?$/.exec(spec);
  if (fd) return [Number(fd[1]), Number(fd[2] ?? fd[1])];
  const [, input = '', output = input] = /^virtio:([^,]+)(?:,(.+))?$/.exec(spec) ?? [];
  if (input === '') throw new Error(`SEGPROOF_CHANNEL is '${spec}': neither fd:N[,N] nor virtio:NAME[,NAME]`);
  const from = openPort(input);
  return [from, output === input ? from : openPort(output)];
};

const openPort = (name: string): number => {
  const port = readdirSync(PORTS).find(
    (entry) => readFileSync(`${PORTS}/${entry}/name`, 'utf8').trim() === name,
  );
  if (port === undefined) throw new Error(`no virtio-serial port is named '${name}'`);
  return openSync(`/dev/${port}`, 'r+');
};

/** Opens the channel that `spec`, the value of SEGPROOF_CHANNEL, names (see frames.ts). */
export const openChannel = (spec: string): AgentChannel => {
  const [input, output] = channelDescriptors(spec);
  const encoder = new FrameEncoder();
  const decoder = new FrameDecoder();
  const waiting: unknown[] = [];
  const buffer = Buffer.alloc(READ_BYTES);
  let posted: Buffer[] = [];
  const write = (): void => {
    const records = posted.length === 1 && posted[0] ? posted[0] : Buffer.concat(posted);
    posted = [];
    for (let at = 0; at < records.length;) at += writeSync(output, records, at);
  };
  return {
    receive() {
      while (waiting.length === 0) {
        if (posted.length > 0) write();
        const got = readSync(input, buffer);
        if (got === 0) {
          decoder.finish();
          return undefined;
        }
        // A copy: the decoder keeps what is not yet a whole record, and the buffer is used again.
        waiting.push(...decoder.push(Buffer.from(buffer.subarray(0, got))));
      }
      return waiting.shift();
    },
    send(message) {
      posted.push(encoder.encode(message));
      write();
    },
    post(message) {
      posted.push(encoder.encode(message));
    },
  };
};
