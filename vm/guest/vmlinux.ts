/**
 * Takes the kernel proper out of a bzImage. QEMU starts an ELF kernel through its PVH entry point, without the firmware's
 * loader and without the kernel's decompressor, which under TCG takes 1.5 s for zstd and several for xz.
 * Layout: Documentation/arch/x86/boot.rst, payload_offset and payload_length (protocol 2.08).
 */
import { execFileSync } from 'node:child_process';
import { gunzipSync } from 'node:zlib';

const PACKINGS: readonly { readonly magic: string; readonly unpack: (data: Buffer) => Buffer }[] = [
  { magic: '1f8b', unpack: (data) => gunzipSync(data) },
  { magic: 'fd377a585a00', unpack: (data) => through('xz', ['-dcq'], data) },
  { magic: '28b52ffd', unpack: (data) => through('zstd', ['-dcq'], data) },
  { magic: '02214c18', unpack: (data) => through('lz4', ['-dcq'], data) },
];

/** Longest kernel accepted, in bytes. */
const MAX_BYTES = 1 << 29;
/** Type of the ELF note by which a kernel says that it has a PVH entry point: XEN_ELFNOTE_PHYS32_ENTRY. */
const PVH_NOTE = 18;

const through = (tool: string, args: readonly string[], input: Buffer): Buffer =>
  execFileSync(tool, args, { input, maxBuffer: MAX_BYTES, stdio: ['pipe', 'pipe', 'ignore'] });

/** The bytes of the note as they stand in the file: name size, descriptor size 8, type, `Xen`. */
const hasPvhEntry = (elf: Buffer): boolean => {
  const note = Buffer.alloc(16);
  note.writeUInt32LE(4, 0);
  note.writeUInt32LE(8, 4);
  note.writeUInt32LE(PVH_NOTE, 8);
  note.write('Xen\0', 12);
  const short = Buffer.from(note);
  short.writeUInt32LE(4, 4);
  return elf.includes(note) || elf.includes(short);
};

/** The ELF kernel inside `image`; null when it cannot be had or could not be started that way. */
export const uncompressedKernel = (image: Buffer): Buffer | null => {
  if (image.length < 0x250 || image.toString('latin1', 0x202, 0x206) !== 'HdrS') return null;
  const setup = ((image[0x1f1] as number) || 4) + 1;
  const start = setup * 512 + image.readUInt32LE(0x248);
  // The last four bytes are the unpacked length, for the decompressor; gzip ends in just that.
  const payload = image.subarray(start, start + image.readUInt32LE(0x24c));
  const packing = PACKINGS.find(
    ({ magic }) => payload.subarray(0, magic.length / 2).toString('hex') === magic,
  );
  if (!packing) return null;
  try {
    const elf = packing.unpack(packing.magic === '1f8b' ? payload : payload.subarray(0, -4));
    return elf.toString('latin1', 1, 4) === 'ELF' && hasPvhEntry(elf) ? elf : null;
  } catch {
    // The tool is not installed: the image itself boots too, only slower.
    return null;
  }
};
