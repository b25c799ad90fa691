/** Builds RPM packages as rpm2cpio and bsdtar read them: lead, two empty headers, compressed cpio archive. */
import { writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { dirname } from 'node:path';
import { cpioArchive, file, folder } from '../guest/cpio.ts';

const LEAD_BYTES = 96;

/** A header section without entries: magic, version, 4 bytes reserved, number of entries, bytes of data. */
const header = (): Buffer => Buffer.from('8eade80100000000' + '0000000000000000', 'hex');

/** Write a package with these files (path to content). */
export async function writeRpm(
  path: string,
  files: Readonly<Record<string, string | Buffer>>,
): Promise<void> {
  const lead = Buffer.alloc(LEAD_BYTES);
  lead.write('edabeedb0300', 'hex');
  // Type of the signature: a header.
  lead.writeUInt16BE(5, 78);
  const folders = new Set<string>();
  for (const name of Object.keys(files))
    for (let above = dirname(name); above !== '.'; above = dirname(above)) folders.add(above);
  const entries = [
    ...[...folders].sort().map((name) => folder(`./${name}`)),
    ...Object.entries(files).map(([name, data]) => file(`./${name}`, data, 0o644)),
  ];
  await writeFile(path, Buffer.concat([lead, header(), header(), gzipSync(cpioArchive(entries))]));
}
