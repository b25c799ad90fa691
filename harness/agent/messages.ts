/** Lays out msghdr, iovec and mmsghdr in memory for sendmsg(2), recvmsg(2) and sendmmsg(2). */
import koffi from 'koffi';
import { within } from './guard.ts';
import { IOVEC, MMSGHDR, MSGHDR } from './layout.ts';
import type { IncomingMessage, OutgoingMessage } from './sys.ts';

/** UIO_MAXIOV is 1024; one more lets a case provoke the error. */
const MAX_IOV = 1025;
/** Everything is written in words of 8 bytes: one store each, where Buffer's own methods take eight. */
const WORD = 8;

/**
 * Scratch memory for one call at a time. An address keeps nothing alive: whatever the structures point to is held in
 * `held` until the next call, else the collector may reclaim it while the kernel still reads it.
 */
export class MessageMemory {
  readonly header: Buffer;
  readonly #words: BigUint64Array;
  readonly #ints: Uint32Array;
  readonly #vectors: BigUint64Array;
  readonly #vectorsAt: bigint;
  /** What the structures of the last send point to. */
  held: unknown;
  /** What those of receives point to, by message: laid out once, as the same buffers come again and again. */
  readonly #placed: IncomingMessage[] = [];
  /** By message: the room that its iovec and header offer, and whether no call has written into the header since. */
  readonly #room: number[] = [];
  readonly #controlRoom: number[] = [];
  readonly #unused: boolean[] = [];

  /** `messages`: most messages of one sendmmsg, 1..1024. */
  constructor(messages: number) {
    const memory = new ArrayBuffer(messages * MMSGHDR.size);
    this.header = Buffer.from(memory);
    this.#words = new BigUint64Array(memory);
    this.#ints = new Uint32Array(memory);
    this.#vectors = new BigUint64Array(((messages + MAX_IOV) * IOVEC.size) / WORD);
    this.#vectorsAt = koffi.address(this.#vectors);
  }

  outgoing(message: OutgoingMessage): void {
    this.held = message;
    this.#layOut(message, 0, 0);
  }

  outgoingMany(messages: readonly OutgoingMessage[]): void {
    within(messages.length * MMSGHDR.size, this.header, 'size of all messages');
    this.held = messages;
    let vector = 0;
    for (const [index, message] of messages.entries()) {
      this.#layOut(message, index * MMSGHDR.size, vector);
      this.#ints[(index * MMSGHDR.size + MMSGHDR.length) / 4] = 0;
      vector += message.iov.length;
    }
  }

  incoming(message: IncomingMessage): void {
    this.#place(message, 0);
  }

  incomingMany(messages: readonly IncomingMessage[]): void {
    within(messages.length * MMSGHDR.size, this.header, 'size of all messages');
    for (let index = 0; index < messages.length; index++)
      this.#place(messages[index] as IncomingMessage, index);
  }

  /** Reads back what the kernel wrote into the header of message number `index`. */
  written(message: IncomingMessage, index: number): void {
    const at = index * MMSGHDR.size;
    this.#unused[index] = false;
    message.nameLength = Math.min(this.#ints[(at + MSGHDR.nameLength) / 4] ?? 0, message.name.length);
    message.controlLength = this.#ints[(at + MSGHDR.controlLength) / 4] ?? 0;
    message.flags = this.#ints[(at + MSGHDR.flags) / 4] ?? 0;
  }

  #place(message: IncomingMessage, index: number): void {
    const { dataRoom, controlRoom } = message;
    const placed = this.#placed[index] === message;
    if (
      placed &&
      this.#unused[index] &&
      this.#room[index] === dataRoom &&
      this.#controlRoom[index] === controlRoom
    )
      return;
    const at = index * MMSGHDR.size;
    const vector = (index * IOVEC.size) / WORD;
    if (!placed) {
      this.#placed[index] = message;
      this.#words[(at + MSGHDR.name) / WORD] = koffi.address(message.name);
      this.#words[(at + MSGHDR.iov) / WORD] = this.#vectorsAt + BigInt(index * IOVEC.size);
      this.#words[(at + MSGHDR.iovLength) / WORD] = 1n;
      this.#words[(at + MSGHDR.control) / WORD] = koffi.address(message.control);
      this.#vectors[vector + IOVEC.base / WORD] = koffi.address(message.data);
    }
    if (!placed || this.#room[index] !== dataRoom) {
      within(dataRoom, message.data, 'room for data');
      this.#vectors[vector + IOVEC.length / WORD] = BigInt(dataRoom);
      this.#room[index] = dataRoom;
    }
    within(controlRoom, message.control, 'room for control messages');
    this.#controlRoom[index] = controlRoom;
    this.#ints[(at + MSGHDR.nameLength) / 4] = message.name.length;
    this.#ints[(at + MSGHDR.controlLength) / 4] = controlRoom;
    this.#ints[(at + MSGHDR.flags) / 4] = 0;
    this.#unused[index] = true;
  }

  #layOut({ name, iov, unreadable, control }: OutgoingMessage, at: number, vector: number): void {
    if ((vector + iov.length) * (IOVEC.size / WORD) > this.#vectors.length)
      throw new RangeError(`${vector + iov.length} iovecs in one call`);
    for (let index = 0; index < iov.length; index++) {
      const piece = iov[index] as Buffer;
      const word = ((vector + index) * IOVEC.size) / WORD;
      this.#vectors[word + IOVEC.base / WORD] = index === unreadable ? 0n : koffi.address(piece);
      this.#vectors[word + IOVEC.length / WORD] = BigInt(piece.length);
    }
    const words = this.#words;
    words[(at + MSGHDR.name) / WORD] = name ? koffi.address(name) : 0n;
    words[(at + MSGHDR.nameLength) / WORD] = BigInt(name?.length ?? 0);
    words[(at + MSGHDR.iov) / WORD] = this.#vectorsAt + BigInt(vector * IOVEC.size);
    words[(at + MSGHDR.iovLength) / WORD] = BigInt(iov.length);
    words[(at + MSGHDR.control) / WORD] = control ? koffi.address(control) : 0n;
    words[(at + MSGHDR.controlLength) / WORD] = BigInt(control?.length ?? 0);
    words[(at + MSGHDR.flags) / WORD] = 0n;
  }
}
