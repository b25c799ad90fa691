/**
 * Signatures of kernel modules (Documentation/admin-guide/module-signing.rst). A kernel is built together with its modules,
 * which are signed by a key made for that build; the certificate is compiled into the kernel. So whoever trusts the
 * kernel's image can tell which modules belong to it, wherever they come from.
 */
import { verify, X509Certificate } from 'node:crypto';
import { element, elements, TAG } from './der.ts';

/** Last bytes of a signed module (scripts/sign-file.c), with the final line feed. */
const MAGIC = Buffer.from('~Module signature appended~\n');
/** struct module_signature: algo, hash, id_type, signer_len, key_id_len, 3 bytes of padding, big-endian sig_len. */
const INFO_BYTES = 12;
const ID_TYPE_PKCS7 = 2;

/** Object identifiers of digests, hexadecimal, that modules are signed with, by their names in OpenSSL. */
const DIGESTS: Readonly<Record<string, string>> = {
  '2b0e03021a': 'sha1',
  '608648016503040201': 'sha256',
  '608648016503040202': 'sha384',
  '608648016503040203': 'sha512',
  '608648016503040208': 'sha3-256',
  '608648016503040209': 'sha3-384',
  '60864801650304020a': 'sha3-512',
};

export interface ModuleSignature {
  /** What was signed. */
  readonly body: Buffer;
  /** Serial number of the signer's certificate, as in DER. */
  readonly serial: Buffer;
  readonly digest: string;
  readonly signature: Buffer;
}

/** The signature at the end of an unpacked module; null when there is none that can be read. */
export function signatureOf(module: Buffer): ModuleSignature | null {
  const info = module.length - MAGIC.length - INFO_BYTES;
  if (info < 0 || !module.subarray(-MAGIC.length).equals(MAGIC)) return null;
  if (module[info + 2] !== ID_TYPE_PKCS7) return null;
  const start = info - module.readUInt32BE(info + 8);
  if (start < 0) return null;
  // PKCS#7 (RFC 2315): ContentInfo { type, [0] SignedData { version, digests, content, …, signerInfos } }
  const [, signed] = elements(element(module, start)?.content ?? Buffer.alloc(0));
  const parts = elements(element(signed?.content ?? Buffer.alloc(0))?.content ?? Buffer.alloc(0));
  const signer = element(parts.findLast(({ tag }) => tag === TAG.set)?.content ?? Buffer.alloc(0));
  // SignerInfo { version, { issuer, serial }, { digest }, { algorithm }, signature }; sign-file adds no attributes
  const fields = elements(signer?.content ?? Buffer.alloc(0));
  if (fields.some(({ tag }) => tag === TAG.context0)) return null;
  const serial = elements(fields[1]?.content ?? Buffer.alloc(0)).at(-1);
  const digest = DIGESTS[element(fields[2]?.content ?? Buffer.alloc(0))?.content.toString('hex') ?? ''];
  const signature = fields.find(({ tag }) => tag === TAG.octets)?.content;
  if (serial?.tag !== TAG.integer || digest === undefined || signature === undefined) return null;
  return { body: module.subarray(0, start), serial: serial.content, digest, signature };
}

/** A certificate of at most 64 KiB has this header and up to 32 bytes more before its serial number. */
const HEADER = Buffer.from([TAG.sequence, 0x82]);
const HEADER_TO_SERIAL = 32;

/** The certificate with this serial number inside an unpacked kernel (its system_certificate_list); null when none is. */
export function certificateIn(kernel: Buffer, serial: Buffer): X509Certificate | null {
  for (let at = kernel.indexOf(serial); at >= 0; at = kernel.indexOf(serial, at + 1))
    for (let start = at - 1; start >= Math.max(0, at - HEADER_TO_SERIAL); start--) {
      if (!kernel.subarray(start, start + 2).equals(HEADER)) continue;
      const whole = element(kernel, start);
      if (whole === null) continue;
      try {
        const certificate = new X509Certificate(kernel.subarray(start, whole.end));
        if (BigInt(`0x${certificate.serialNumber}`) === BigInt(`0x${serial.toString('hex')}`))
          return certificate;
      } catch {
        // No certificate begins here.
      }
    }
  return null;
}

/** Whether the signature is right and of the certificate's key. */
export function isSignedBy(signature: ModuleSignature, certificate: X509Certificate): boolean {
  try {
    return verify(signature.digest, signature.body, certificate.publicKey, signature.signature);
  } catch {
    return false;
  }
}
