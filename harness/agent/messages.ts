/** Lays out msghdr, iovec and mmsghdr in memory for sendmsg(2), recvmsg(2) and sendmmsg(2). */
import koffi from 'koffi';
import { within } from './guard.ts';
import { IOVEC, MMSGHDR, MSGHDR } from './layout.ts';
import type { IncomingMessage, OutgoingMessage } from './sys.ts';

/** UIO_MAXIOV is 1024; one more lets a case provoke the error. */
const MAX_IOV = 1025;

/**
 * Scratch memory for one call at a time. An address keeps nothing alive: whatever the structures point to is held in
 * `held` until the next call, else the collector may reclaim it while the kernel still reads it.
 */
export class MessageMemory {
  readonly header: Buffer;
  readonly #vectors: Buffer;
  readonly #vectorsAt: bigint;
  /** What the structures point to. */
  held: unknown;

  /** `messages`: most messages of one sendmmsg, 1..1024. */
  constructor(messages: number) {
    this.header = Buffer.alloc(messages * MMSGHDR.size);
    this.#vectors = Buffer.alloc((messages + MAX_IOV) * IOVEC.size);
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
      this.header.writeUInt32LE(0, index * MMSGHDR.size + MMSGHDR.length);
      vector += message.iov.length;
    }
  }

  incoming(message: IncomingMessage): void {
    this.held = message;
    within(message.dataRoom, message.data, 'room for data');
    within(message.controlRoom, message.control, 'room for control messages');
    this.#vector(0, message.data, message.dataRoom);
    this.#fields(0, message.name, 1, 0, message.control, message.controlRoom);
  }

  #layOut(message: OutgoingMessage, at: number, vector: number): void {
    within((vector + message.iov.length) * IOVEC.size, this.#vectors, 'size of all iovecs');
    for (const [index, piece] of message.iov.entries()) this.#vector(vector + index, piece, piece.length);
    const { control } = message;
    this.#fields(at, message.name, message.iov.length, vector, control, control?.length ?? 0);
  }

  #vector(index: number, piece: Buffer, length: number): void {
    const at = index * IOVEC.size;
    this.#vectors.writeBigUInt64LE(koffi.address(piece), at + IOVEC.base);
    this.#vectors.writeUInt32LE(length, at + IOVEC.length);
    this.#vectors.writeUInt32LE(0, at + IOVEC.length + 4);
  }

  #fields(
    at: number,
    name: Buffer | null,
    vectors: number,
    firstVector: number,
    control: Buffer | null,
    controlRoom: number,
  ): void {
    const { header } = this;
    header.writeBigUInt64LE(name ? koffi.address(name) : 0n, at + MSGHDR.name);
    header.writeUInt32LE(name?.length ?? 0, at + MSGHDR.nameLength);
    header.writeBigUInt64LE(this.#vectorsAt + BigInt(firstVector * IOVEC.size), at + MSGHDR.iov);
    header.writeUInt32LE(vectors, at + MSGHDR.iovLength);
    header.writeUInt32LE(0, at + MSGHDR.iovLength + 4);
    header.writeBigUInt64LE(control && controlRoom > 0 ? koffi.address(control) : 0n, at + MSGHDR.control);
    header.writeUInt32LE(controlRoom, at + MSGHDR.controlLength);
    header.writeUInt32LE(0, at + MSGHDR.controlLength + 4);
    header.writeUInt32LE(0, at + MSGHDR.flags);
  }
}
