import { open } from 'node:fs/promises';
import { KernelError } from './types.ts';
import { upstreamOfBanner } from './version.ts';

/** What the header of an x86 boot image says of itself. */
export interface ImageFacts {
  /** `uname -r`. */
  readonly release: string;
  /** Whole version line: release, builder, `uname -v`. */
  readonly banner: string;
  /** Debian version named in the banner, or null. */
  readonly version: string | null;
  readonly upstream: string | null;
}

/* Offsets from Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header". */
const MAGIC_OFFSET = 0x202;
const VERSION_POINTER_OFFSET = 0x20e;
const VERSION_BASE = 0x200;
const HEADER_BYTES = 0x10000;

const ADVICE =
  'give an x86 bzImage: /boot/vmlinuz-*, arch/x86/boot/bzImage of a kernel tree (not the ELF file vmlinux)';

/**
 * Read the version line of a bzImage.
 * @throws KernelError (65) when the file cannot be read or is not an x86 boot image.
 */
export async function readImage(file: string): Promise<ImageFacts> {
  const head = await readHead(file);
  if (head.length < 0x210 || head.toString('latin1', MAGIC_OFFSET, MAGIC_OFFSET + 4) !== 'HdrS')
    throw new KernelError(65, `${file}: not a kernel image: it has no x86 boot header`, ADVICE);
  const start = head.readUInt16LE(VERSION_POINTER_OFFSET) + VERSION_BASE;
  const end = head.indexOf(0, start);
  const banner = end < 0 ? '' : head.toString('latin1', start, end);
  const release = banner.split(' ', 1)[0] ?? '';
  if (!/^\d+\.\d+[\w.+~-]*$/.test(release))
    throw new KernelError(
      65,
      `${file}: its boot header names no kernel version; the file is cut or damaged`,
      ADVICE,
    );
  return {
    release,
    banner,
    version: /\bDebian (\S+) \(/.exec(banner)?.[1] ?? null,
    upstream: upstreamOfBanner(release, banner),
  };
}

async function readHead(file: string): Promise<Buffer> {
  try {
    await using handle = await open(file, 'r');
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
    const why = code === 'EACCES' ? 'no permission to read it' : code === 'EISDIR' ? 'it is a folder' : code;
    throw new KernelError(65, `${file}: cannot be read: ${why}`, ADVICE);
  }
}
