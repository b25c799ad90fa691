/**
 * Device features by their ethtool names, over SIOCETHTOOL: include/uapi/linux/ethtool.h. Setting one is no proof that it is
 * set (the driver may refuse, or switch others with it), so every change is read back.
 */
import koffi from 'koffi';
import { SystemError } from './namespaces.ts';
import { AF, IOCTL, SOCK } from './sys.ts';
import type { SystemCalls } from './sys.ts';

const CMD = { GSSET_INFO: 0x37, GSTRINGS: 0x1b, GFEATURES: 0x3a, SFEATURES: 0x3b } as const;
const ETH_SS_FEATURES = 4;
const STRING = 32;
/** struct ethtool_get_features_block: available, requested, active, never_changed; set_features_block: valid, requested. */
const GET_BLOCK = 16;
const SET_BLOCK = 8;
const IFNAMSIZ = 16;
const IFREQ_SIZE = 40;

interface Feature {
  readonly active: boolean;
  /** False when nobody can switch it. */
  readonly changeable: boolean;
}

/** The device does not do as it is told: unknown, fixed, or switched back by the kernel. ethtool(8) says "Operation not supported". */
export class FeatureError extends Error {
  readonly errno = 'EOPNOTSUPP';
}

/** Names of all features, by number: the same for every device of a kernel. */
let known: readonly string[] | undefined;

/** Features of one device in the current namespace. */
export class Ethtool {
  readonly #sys: SystemCalls;
  readonly #device: string;
  #fd = -1;
  /** Keeps the buffer alive whose address the kernel was given. */
  held: Buffer | undefined;

  constructor(sys: SystemCalls, device: string) {
    this.#sys = sys;
    this.#device = device;
  }

  /** Sets features in the order given. @throws FeatureError when one is unknown, fixed, or does not come to stay. */
  set(wanted: Readonly<Record<string, boolean>>): void {
    this.#fd = this.#sys.socket(AF.INET, SOCK.DGRAM | SOCK.CLOEXEC, 0);
    if (this.#fd < 0) throw new SystemError('socket', this.#fd);
    try {
      let state = this.#state();
      for (const [name, on] of Object.entries(wanted))
        if (this.#setOne(name, on, state)) state = this.#state();
      for (const [name, on] of Object.entries(wanted))
        if (featureOf(state, this.#names().indexOf(name)).active !== on)
          throw new FeatureError(`cannot set ${this.#device} ${name} ${word(on)}: it stays ${word(!on)}`);
    } finally {
      this.#sys.close(this.#fd);
    }
  }

  /** False when there was nothing to set. */
  #setOne(name: string, on: boolean, state: Buffer): boolean {
    const names = this.#names();
    const index = names.indexOf(name);
    const what = `cannot set ${this.#device} ${name} ${word(on)}`;
    if (index < 0) throw new FeatureError(`${what}: this kernel has no such feature`);
    const feature = featureOf(state, index);
    if (feature.active === on) return false;
    if (!feature.changeable) throw new FeatureError(`${what}: it is fixed ${word(feature.active)}`);
    const request = Buffer.alloc(8 + Math.ceil(names.length / 32) * SET_BLOCK);
    request.writeUInt32LE(CMD.SFEATURES, 0);
    request.writeUInt32LE((request.length - 8) / SET_BLOCK, 4);
    const mask = (1 << (index & 31)) >>> 0;
    const at = 8 + (index >> 5) * SET_BLOCK;
    request.writeUInt32LE(mask, at);
    request.writeUInt32LE(on ? mask : 0, at + 4);
    this.#ioctl('ETHTOOL_SFEATURES', request);
    return true;
  }

  /** struct ethtool_gfeatures, all blocks. */
  #state(): Buffer {
    const blocks = Math.ceil(this.#names().length / 32);
    const query = Buffer.alloc(8 + blocks * GET_BLOCK);
    query.writeUInt32LE(CMD.GFEATURES, 0);
    query.writeUInt32LE(blocks, 4);
    this.#ioctl('ETHTOOL_GFEATURES', query);
    return query;
  }

  /** Long names, as `ethtool -k` shows them. */
  #names(): readonly string[] {
    return (known ??= this.#readNames());
  }

  #readNames(): string[] {
    const info = Buffer.alloc(20);
    info.writeUInt32LE(CMD.GSSET_INFO, 0);
    info.writeBigUInt64LE(1n << BigInt(ETH_SS_FEATURES), 8);
    this.#ioctl('ETHTOOL_GSSET_INFO', info);
    const count = info.readUInt32LE(16);
    const strings = Buffer.alloc(12 + count * STRING);
    strings.writeUInt32LE(CMD.GSTRINGS, 0);
    strings.writeUInt32LE(ETH_SS_FEATURES, 4);
    strings.writeUInt32LE(count, 8);
    this.#ioctl('ETHTOOL_GSTRINGS', strings);
    return Array.from({ length: count }, (_, index) =>
      strings.toString('latin1', 12 + index * STRING, 12 + (index + 1) * STRING).replace(/\0.*$/su, ''),
    );
  }

  #ioctl(what: string, data: Buffer): void {
    const request = Buffer.alloc(IFREQ_SIZE);
    request.write(this.#device.slice(0, IFNAMSIZ - 1), 'latin1');
    this.held = data;
    request.writeBigUInt64LE(koffi.address(data), IFNAMSIZ);
    const ret = this.#sys.ioctl(this.#fd, IOCTL.SIOCETHTOOL, request);
    this.held = undefined;
    if (ret < 0) throw new SystemError(`${what} ${this.#device}`, ret);
  }
}

function featureOf(state: Buffer, index: number): Feature {
  const bit = (word: number): boolean => {
    const bits = state.readUInt32LE(8 + (index >> 5) * GET_BLOCK + word * 4);
    return ((bits >>> (index & 31)) & 1) === 1;
  };
  return { active: bit(2), changeable: bit(0) && !bit(3) };
}

function word(on: boolean): string {
  return on ? 'on' : 'off';
}
