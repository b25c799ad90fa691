/**
 * Devices whose other side is this process: a pair of tap devices with a segmenter in between is a NIC in user space and its
 * wire. include/uapi/linux/if_tun.h. From 6.2 on the kernel hands UDP GSO packets over whole.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync, writevSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errnoNumber } from '../abi/errno.ts';
import { TAP_OFFLOADS } from '../contract/topology.ts';
import type { TapOffload } from '../contract/topology.ts';
import { isSentinel } from './sentinel.ts';
import { SystemError } from './namespaces.ts';
import type { SystemCalls } from './sys.ts';
import { decodeFrame } from '../wire/frame.ts';
import { carry, segment } from '../wire/segment.ts';
import type { Segmenter } from '../wire/segment.ts';
import { VNET_SIZE } from '../wire/vnet.ts';

const DEVICE = '/dev/net/tun';
const TUNSETIFF = 0x400454ca;
const TUNSETOFFLOAD = 0x400454d0;
const IFF = { TAP: 2, NO_PI: 0x1000, VNET_HDR: 0x4000 } as const;
/** TUN_F_CSUM, TUN_F_USO4, TUN_F_USO6 */
const OFFLOADS: Readonly<Record<TapOffload, number>> = { csum: 0x01, uso4: 0x20, uso6: 0x40 };
const IFREQ_SIZE = 40;
const IFNAMSIZ = 16;
const FRAME_BYTES = 65536 + 256;
/** More frames than any case sends. */
const MOST_FRAMES = 4096;

/** The right segmenter, unless a deliberately wrong one takes its place. */
let segmenter: Segmenter = segment;

/** All wires use `other` from now on. */
export function useSegmenter(other: Segmenter): void {
  segmenter = other;
}

/** Creates tap device `name` in the namespace the thread is in. @throws SystemError */
export function openTap(sys: SystemCalls, name: string): number {
  let fd: number;
  try {
    fd = openDevice();
  } catch (error) {
    const errno = errnoNumber((error as NodeJS.ErrnoException).code ?? '') ?? errnoNumber('EIO') ?? 5;
    throw new SystemError(`open(${DEVICE})`, -errno);
  }
  const request = Buffer.alloc(IFREQ_SIZE);
  request.write(name, 'latin1');
  request.writeUInt16LE(IFF.TAP | IFF.NO_PI | IFF.VNET_HDR, IFNAMSIZ);
  const made = sys.ioctl(fd, TUNSETIFF, request);
  const ret = made < 0 ? made : setOffloads(sys, fd, TAP_OFFLOADS);
  if (ret >= 0) return fd;
  closeSync(fd);
  throw new SystemError(made < 0 ? 'ioctl(TUNSETIFF)' : 'ioctl(TUNSETOFFLOAD)', ret);
}

/** Says what is welcome from now on: partial checksums, UDP GSO packets. Zero, or minus an errno. */
export function setOffloads(sys: SystemCalls, fd: number, offloads: readonly TapOffload[]): number {
  return sys.ioctlValue(
    fd,
    TUNSETOFFLOAD,
    offloads.reduce((bits, one) => bits | OFFLOADS[one], 0),
  );
}

function openDevice(): number {
  const flags = constants.O_RDWR | constants.O_NONBLOCK;
  try {
    return openSync(DEVICE, flags);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  // A guest's /dev may lack the node, which udev makes elsewhere. One of our own does, and the kernel loads the module for it.
  const folder = mkdtempSync(join(tmpdir(), 'segproof-'));
  try {
    const node = join(folder, 'tun');
    const { status } = spawnSync('mknod', [node, 'c', '10', '200']);
    return openSync(status === 0 ? node : DEVICE, flags);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function closeTap(fd: number): void {
  closeSync(fd);
}

/** What lies between two tap devices. */
export class Wire {
  readonly #ends: readonly [number, number];
  readonly #buffer = Buffer.alloc(FRAME_BYTES);
  readonly #header = Buffer.alloc(VNET_SIZE);

  constructor(one: number, other: number) {
    this.#ends = [one, other];
  }

  /** Carries over what waits at either end. Sentinels are the agent's own and pass after all else, as they are. */
  pump(): void {
    const [one, other] = this.#ends;
    for (const [from, to] of [
      [one, other],
      [other, one],
    ] as const) {
      const waiting = this.#drain(from);
      if (waiting.length === 0) continue;
      const isOwn = (bytes: Buffer): boolean => {
        const udp = decodeFrame(bytes.subarray(VNET_SIZE));
        return udp !== undefined && isSentinel(udp.payload);
      };
      const frames = segmenter(waiting.filter((bytes) => !isOwn(bytes)));
      const own = carry(waiting.filter(isOwn));
      for (const frame of [...frames, ...own]) writevSync(to, [this.#header, frame]);
    }
  }

  #drain(fd: number): Buffer[] {
    const frames: Buffer[] = [];
    while (frames.length < MOST_FRAMES) {
      try {
        const length = readSync(fd, this.#buffer, 0, FRAME_BYTES, null);
        frames.push(Buffer.from(this.#buffer.subarray(0, length)));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') break;
        throw error;
      }
    }
    return frames;
  }
}
