/** Writes cpio archives in the `newc` format, the one an initramfs is made of (Documentation/driver-api/early-userspace/buffer-format.rst). */

export interface CpioEntry {
  readonly name: string;
  /** File type and permissions, as in stat.st_mode. */
  readonly mode: number;
  /** Content of a file, target of a symbolic link; folders and devices have none. */
  readonly data?: Buffer;
  /** Major and minor number of a device node. */
  readonly device?: readonly [number, number];
}

const TRAILER = 'TRAILER!!!';
const hex = (value: number): string => value.toString(16).padStart(8, '0');
const padding = (length: number): Buffer => Buffer.alloc((4 - (length % 4)) % 4);

const record = (entry: CpioEntry, inode: number): Buffer => {
  const name = Buffer.from(`${entry.name}\0`);
  const data = entry.data ?? Buffer.alloc(0);
  const [major, minor] = entry.device ?? [0, 0];
  // ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
  const fields = [inode, entry.mode, 0, 0, 1, 0, data.length, 0, 0, major, minor, name.length, 0];
  const head = Buffer.concat([Buffer.from(`070701${fields.map(hex).join('')}`), name]);
  return Buffer.concat([head, padding(head.length), data, padding(data.length)]);
};

/** One archive of all entries; folders must come before what is in them. */
export const cpioArchive = (entries: readonly CpioEntry[]): Buffer =>
  Buffer.concat([...entries, { name: TRAILER, mode: 0 }].map((entry, index) => record(entry, index + 1)));

export const folder = (name: string): CpioEntry => ({ name, mode: 0o40755 });
export const link = (name: string, target: string): CpioEntry => ({
  name,
  mode: 0o120777,
  data: Buffer.from(target),
});
export const file = (name: string, data: Buffer | string, mode = 0o755): CpioEntry => ({
  name,
  mode: 0o100000 | mode,
  data: Buffer.from(data),
});
export const charDevice = (name: string, major: number, minor: number): CpioEntry => ({
  name,
  mode: 0o20600,
  device: [major, minor],
});
