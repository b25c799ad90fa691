/**
 * Records between segproof and the agent: how they are framed, and where the agent finds its channel.
 *
 * One record is one line: `<sequence> <bytes> <crc> <json>\n`. The sequence counts from 0 in each direction; `bytes`
 * is the length of the JSON text in UTF-8, decimal; `crc` is the CRC-32 of `<sequence> <json>` as eight hex digits.
 * JSON text never holds a raw line feed, so a damaged length cannot make the decoder wait for bytes that never come.
 *
 * The environment variable SEGPROOF_CHANNEL names the agent's end:
 *  - `fd:3`: one descriptor for both directions (a stream socket), in blocking mode;
 *  - `fd:3,4`: read from 3, write to 4, in blocking mode;
 *  - `virtio:<name>`: the port whose /sys/class/virtio-ports/vportNpM/name holds <name>; open /dev/vportNpM for reading
 *    and writing. The port exists before the agent is started;
 *  - `virtio:<name>,<name>`: read from the first, write to the second.
 * A write may take only part of the bytes (virtio_console takes 32 KiB at a time): write the rest in a loop. A read of
 * 0 bytes means that segproof is gone: exit. `openChannel` in agent-channel.ts does all of this.
 */
import { crc32 } from 'node:zlib';

/** Longest JSON text of one record, in bytes; anything longer is damage or a runaway agent. */
export const MAX_RECORD_BYTES = 64 * 1024 * 1024;

/** Longest `<sequence> <bytes> <crc> `: 16 + 1 + 8 + 1 + 8 + 1. */
const MAX_HEADER_BYTES = 35;
const LINE_FEED = 0x0a;

/** What is wrong with a record. `missing` stands for a late one too: it shows where its place is empty. */
export type FrameFault = 'missing' | 'doubled' | 'cut' | 'damaged';

export class FrameError extends Error {
  readonly fault: FrameFault;
  /** Sequence number of the record that was expected. */
  readonly sequence: number;
  constructor(fault: FrameFault, sequence: number, message: string) {
    super(message);
    this.name = 'FrameError';
    this.fault = fault;
    this.sequence = sequence;
  }
}

const checksum = (sequence: string, json: Buffer): string =>
  crc32(json, crc32(`${sequence} `))
    .toString(16)
    .padStart(8, '0');

/** Turns messages into records; one encoder per direction of a channel. */
export class FrameEncoder {
  #next = 0;

  /** @throws TypeError for what JSON cannot hold, RangeError beyond {@link MAX_RECORD_BYTES}; no number is used up. */
  encode(message: unknown): Buffer {
    const text = JSON.stringify(message) as string | undefined;
    if (text === undefined) throw new TypeError(`a ${typeof message} cannot be a record`);
    const json = Buffer.from(text);
    if (json.length > MAX_RECORD_BYTES)
      throw new RangeError(`a record of ${json.length} bytes is over the limit of ${MAX_RECORD_BYTES}`);
    const sequence = String(this.#next++);
    const head = `${sequence} ${json.length} ${checksum(sequence, json)} `;
    return Buffer.concat([Buffer.from(head), json, Buffer.of(LINE_FEED)]);
  }
}

/** Turns chunks of any size back into messages. After the first fault nothing more is accepted. */
export class FrameDecoder {
  #next = 0;
  #rest: Buffer[] = [];
  #restBytes = 0;
  #fault: FrameError | undefined;
  /** Messages that were whole before the fault in the same chunk; see {@link push}. */
  #whole: unknown[] = [];

  /**
   * Messages completed by this chunk, in order.
   * @throws FrameError at the first fault. What was whole before it in the same chunk is in {@link salvage}.
   */
  push(chunk: Buffer): unknown[] {
    if (this.#fault) throw this.#fault;
    this.#whole = [];
    let from = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, from)) {
      this.#keep(chunk.subarray(from, end));
      this.#whole.push(this.#decode(this.#take()));
      from = end + 1;
    }
    this.#keep(chunk.subarray(from));
    return this.#whole;
  }

  /** Messages of the last {@link push} that preceded its fault. */
  get salvage(): readonly unknown[] {
    return this.#whole;
  }

  /** Call at the end of the stream. @throws FrameError when it ends inside a record. */
  finish(): void {
    if (this.#fault) throw this.#fault;
    if (this.#restBytes > 0)
      this.#fail('cut', `the stream ended ${this.#restBytes} bytes into record ${this.#next}`);
  }

  #keep(piece: Buffer): void {
    if (piece.length === 0) return;
    this.#rest.push(piece);
    this.#restBytes += piece.length;
    if (this.#restBytes > MAX_RECORD_BYTES + MAX_HEADER_BYTES)
      this.#fail('damaged', `record ${this.#next} is longer than ${MAX_RECORD_BYTES} bytes`);
  }

  #take(): Buffer {
    const line = this.#rest.length === 1 ? this.#rest[0] : undefined;
    const whole = line ?? Buffer.concat(this.#rest);
    this.#rest = [];
    this.#restBytes = 0;
    return whole;
  }

  #decode(line: Buffer): unknown {
    const head = /^(0|[1-9]\d{0,15}) (\d{1,8}) ([0-9a-f]{8}) /.exec(
      line.toString('latin1', 0, MAX_HEADER_BYTES),
    );
    const [all = '', sequence = '', length = '', crc = ''] = head ?? [];
    if (!head) this.#fail('damaged', `record ${this.#next} has no readable header`);
    const json = line.subarray(all.length);
    if (checksum(sequence, json) !== crc) {
      const short = Number(length) - json.length;
      if (short > 0) this.#fail('cut', `record ${this.#next} lacks ${short} of its ${length} bytes`);
      this.#fail('damaged', `record ${this.#next} has checksum ${checksum(sequence, json)}, not ${crc}`);
    }
    if (Number(length) !== json.length)
      this.#fail('damaged', `record ${this.#next} has ${json.length} bytes, not ${length}`);
    const number = Number(sequence);
    if (number > this.#next) this.#fail('missing', `record ${this.#next} is missing: ${number} came next`);
    if (number < this.#next)
      this.#fail('doubled', `record ${number} came twice or late, after ${this.#next - 1}`);
    this.#next++;
    try {
      return JSON.parse(json.toString());
    } catch {
      return this.#fail('damaged', `record ${number} is not JSON`);
    }
  }

  #fail(fault: FrameFault, message: string): never {
    this.#fault = new FrameError(fault, this.#next, message);
    throw this.#fault;
  }
}
