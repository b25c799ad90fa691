/**
 * Signatures of boot images (Microsoft's Authenticode, which UEFI Secure Boot checks): a PKCS#7 message behind the image signs
 * its hash, and carries the signer's certificate. Debian signs its kernels so. The certificate's issuer is in firmware and shim
 * alone, but an image that the archive vouches for tells who signs for Debian: see former.ts.
 */
import { createHash, verify, X509Certificate } from 'node:crypto';
import { element, elements, TAG, type Element } from './der.ts';

/* PE/COFF: where the header is, and from it to the optional header, in bytes; PE32+ and its tables (Microsoft's PE format). */
const PE_POINTER = 0x3c;
const OPTIONAL_HEADER = 24;
const PE32_PLUS = 0x20b;
const CHECKSUM = 64;
/** Entry 4 of the data directories, which begin at 112: place and size of the certificates, 4 bytes each. */
const CERTIFICATES = 112 + 4 * 8;
/** WIN_CERTIFICATE: length, revision, type. */
const CERTIFICATE_HEADER = 8;
const TYPE_PKCS7 = 2;

/** Object identifiers, hexadecimal: SHA-256; the attribute that holds a message's digest. */
const SHA256 = '608648016503040201';
const MESSAGE_DIGEST = '2a864886f70d010904';

const sha256 = (...parts: readonly Buffer[]): Buffer => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** The PKCS#7 message behind an image, and the hash of all it is to vouch for; null when there is none. */
function signed(image: Buffer): { message: Buffer; hash: Buffer } | null {
  if (image.length < PE_POINTER + 4) return null;
  const header = image.readUInt32LE(PE_POINTER) + OPTIONAL_HEADER;
  if (header + CERTIFICATES + 8 > image.length || image.readUInt16LE(header) !== PE32_PLUS) return null;
  const table = image.readUInt32LE(header + CERTIFICATES);
  const size = image.readUInt32LE(header + CERTIFICATES + 4);
  // What stood behind the table would be in no hash.
  if (size <= CERTIFICATE_HEADER || table < header + CERTIFICATES + 8 || table + size !== image.length)
    return null;
  if (image.readUInt16LE(table + 6) !== TYPE_PKCS7) return null;
  return {
    message: image.subarray(table + CERTIFICATE_HEADER),
    hash: sha256(
      image.subarray(0, header + CHECKSUM),
      image.subarray(header + CHECKSUM + 4, header + CERTIFICATES),
      image.subarray(header + CERTIFICATES + 8, table),
    ),
  };
}

const inside = (outer: Element | null | undefined): Element[] => elements(outer?.content ?? Buffer.alloc(0));
const oidOf = (parent: Element | undefined): string | undefined => inside(parent)[0]?.content.toString('hex');

/**
 * Who signed a boot image, by the certificate in its signature; null when it is not signed, or not what its signature was made
 * for. Whether that signer can be trusted is another question.
 */
export function signerOf(image: Buffer): X509Certificate | null {
  const found = signed(image);
  if (found === null) return null;
  // ContentInfo { type, [0] SignedData { version, digests, content, [0] certificates, signerInfos } }
  const parts = inside(inside(inside(element(found.message))[1])[0]);
  const content = inside(inside(parts[2])[1])[0];
  // SpcIndirectDataContent { data, { algorithm, digest of the image } }
  const [, digestInfo] = inside(content);
  const [algorithm, digest] = inside(digestInfo);
  if (!content || oidOf(algorithm) !== SHA256 || digest?.content.equals(found.hash) !== true) return null;
  // SignerInfo { version, { issuer, serial }, { digest }, [0] attributes, { algorithm }, signature }
  const signer = inside(parts.findLast(({ tag }) => tag === TAG.set))[0];
  const fields = inside(signer);
  const attributes = fields.find(({ tag }) => tag === TAG.context0);
  const signature = fields.find(({ tag }) => tag === TAG.octets);
  const serial = inside(fields[1]).at(-1);
  if (!signer || !attributes || !signature || !serial || oidOf(fields[2]) !== SHA256) return null;
  const stated = inside(attributes).find((attribute) => oidOf(attribute) === MESSAGE_DIGEST);
  if (inside(inside(stated)[1])[0]?.content.equals(sha256(content.content)) !== true) return null;
  // RFC 2315, 9.3: the attributes are signed as the SET that they are, not under the tag they have here.
  const text = Buffer.concat([
    Buffer.of(TAG.set),
    signer.content.subarray(startOf(signer, attributes) + 1, attributes.end),
  ]);
  const certificate = certificateWith(
    parts.find(({ tag }) => tag === TAG.context0),
    serial.content,
  );
  return certificate && verify('sha256', text, certificate.publicKey, signature.content) ? certificate : null;
}

/** Where an element begins in its parent: its end, less its content, less its header. */
function startOf(parent: Element, child: Element): number {
  const before = elements(parent.content).findLast(({ end }) => end < child.end);
  return before?.end ?? 0;
}

function certificateWith(bag: Element | undefined, serial: Buffer): X509Certificate | null {
  let at = 0;
  for (const { end } of inside(bag)) {
    try {
      const certificate = new X509Certificate((bag as Element).content.subarray(at, end));
      if (BigInt(`0x${certificate.serialNumber}`) === BigInt(`0x${serial.toString('hex')}`))
        return certificate;
    } catch {
      // Not one that OpenSSL reads.
    }
    at = end;
  }
  return null;
}
