import { execa } from 'execa';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

/*
 * Small stand-ins for kernels and packages, for tests that must not download any.
 */

/** Size of what stands before the kernel proper. */
const HEAD_BYTES = 0x3000;

/**
 * A file with the boot header of a kernel of this version line, and nothing else of a kernel.
 * @param inside bytes that its unpacked kernel contains
 */
export function fakeImage(banner: string, inside = Buffer.alloc(0)): Buffer {
  const image = Buffer.alloc(HEAD_BYTES);
  image.write('HdrS', 0x202, 'latin1');
  image.writeUInt16LE(0x2000 - 0x200, 0x20e);
  image.write(`${banner}\0`, 0x2000, 'latin1');
  if (inside.length === 0) return image;
  // An ELF file with a PVH note, as far as anybody looks.
  const payload = gzipSync(Buffer.concat([Buffer.from('7f454c46', 'hex'), PVH_NOTE, inside]));
  image.writeUInt8(HEAD_BYTES / 512 - 1, 0x1f1);
  image.writeUInt32LE(payload.length, 0x24c);
  return Buffer.concat([image, payload]);
}

/** Name size, descriptor size, type XEN_ELFNOTE_PHYS32_ENTRY, name. */
const PVH_NOTE = Buffer.from('04000000080000001200000058656e00', 'hex');

/** Version line as Debian's kernels have it. */
export const debianBanner = (release: string, version: string): string =>
  `${release} (debian-kernel@lists.debian.org) (gcc) #1 SMP PREEMPT_DYNAMIC Debian ${version} (2026-01-01)`;

/** Write files (path to content) below a folder. */
export async function writeFiles(
  folder: string,
  files: Readonly<Record<string, string | Buffer>>,
): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}

export interface DebSpec {
  readonly name: string;
  readonly version: string;
  readonly depends?: string;
  readonly files: Readonly<Record<string, string | Buffer>>;
}

/** Build a .deb in `folder`, with a scratch folder beside it, and return its path. */
export async function buildDeb(folder: string, spec: DebSpec): Promise<string> {
  const root = join(folder, `build-${spec.name}`);
  const depends = spec.depends === undefined ? '' : `Depends: ${spec.depends}\n`;
  const control = `Package: ${spec.name}\nVersion: ${spec.version}\nArchitecture: amd64\nMaintainer: T <t@example.org>\n${depends}Description: stand-in\n`;
  await writeFiles(root, { ...spec.files, 'DEBIAN/control': control });
  await chmod(root, 0o755);
  const deb = join(folder, `${spec.name}_${spec.version}_amd64.deb`);
  await execa('dpkg-deb', ['--root-owner-group', '-Zxz', '-b', root, deb]);
  return deb;
}
