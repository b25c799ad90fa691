/** Signs boot images as sbsign does, with a key of its own, for tests. */
import { createHash, sign, X509Certificate } from 'node:crypto';
import type { BuildKey } from './test-signing.ts';

/** Where the stand-in's PE header is: anywhere before the boot header, which begins at 0x1f1. */
const PE_HEADER = 0x80;
const OPTIONAL_HEADER = PE_HEADER + 24;
const CERTIFICATES = OPTIONAL_HEADER + 144;

/** A DER element. */
function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const length = Buffer.alloc(3);
  length.writeUInt8(0x82);
  length.writeUInt16BE(content.length, 1);
  return Buffer.concat([Buffer.of(tag), content.length < 128 ? Buffer.of(content.length) : length, content]);
}
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'));
const sequence = (...parts: Buffer[]): Buffer => der(0x30, ...parts);
const sha256 = (data: Buffer): Buffer => createHash('sha256').update(data).digest();
const SHA256 = sequence(oid('608648016503040201'), der(0x05));

/** The image as a PE32+ file with a signature behind it. */
export function signImage(plain: Buffer, { certificate, key }: BuildKey): Buffer {
  const image = Buffer.concat([plain, Buffer.alloc((8 - (plain.length % 8)) % 8)]);
  image.writeUInt32LE(PE_HEADER, 0x3c);
  image.writeUInt16LE(0x20b, OPTIONAL_HEADER);
  const unhashed = [
    [OPTIONAL_HEADER + 64, 4],
    [CERTIFICATES, 8],
  ] as const;
  let at = 0;
  const hashed: Buffer[] = [];
  for (const [start, bytes] of unhashed) {
    hashed.push(image.subarray(at, start));
    at = start + bytes;
  }
  const digest = sha256(Buffer.concat([...hashed, image.subarray(at)]));
  const content = Buffer.concat([sequence(oid('2b06010401823702010f')), sequence(SHA256, der(0x04, digest))]);
  const attributes = sequence(oid('2a864886f70d010904'), der(0x31, der(0x04, sha256(content))));
  const serial = Buffer.from(new X509Certificate(certificate).serialNumber, 'hex');
  const signer = sequence(
    der(0x02, Buffer.of(1)),
    sequence(sequence(), der(0x02, serial)),
    SHA256,
    der(0xa0, attributes),
    sequence(oid('2a8648ce3d040302')),
    der(0x04, sign('sha256', der(0x31, attributes), key)),
  );
  const message = sequence(
    oid('2a864886f70d010702'),
    der(
      0xa0,
      sequence(
        der(0x02, Buffer.of(1)),
        der(0x31, SHA256),
        sequence(oid('2b060104018237020104'), der(0xa0, sequence(content))),
        der(0xa0, certificate),
        der(0x31, signer),
      ),
    ),
  );
  const table = Buffer.alloc(8 + message.length + ((8 - (message.length % 8)) % 8));
  table.writeUInt32LE(8 + message.length);
  table.writeUInt16LE(0x200, 4);
  table.writeUInt16LE(2, 6);
  message.copy(table, 8);
  image.writeUInt32LE(image.length, CERTIFICATES);
  image.writeUInt32LE(table.length, CERTIFICATES + 4);
  return Buffer.concat([image, table]);
}
