import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tap, { test, type Test } from 'tap';
import { has } from './exec.ts';
import { kernelStore } from './paths.ts';
import { resolveKernel } from './resolve.ts';
import { signerOf } from './secure-boot.ts';
import { makeArchive, fetchOnlyFrom } from './test-archive.ts';
import { buildDeb, debianBanner, fakeImage, type DebSpec } from './test-kernel.ts';
import { signImage } from './test-secure-boot.ts';
import { withBuildKey, type BuildKey } from './test-signing.ts';

/* Releases that the index has dropped: taken from the pool if their image is signed by whoever signs Debian's. */

const LISTED = { release: '6.12.20+deb13-amd64', version: '6.12.20-1' };
const DROPPED = { release: '6.12.9+deb13-amd64', version: '6.12.9-1' };

const kernel = ({ release, version }: typeof LISTED): Buffer =>
  fakeImage(debianBanner(release, version), Buffer.from('certificates'));

const spec = (named: typeof LISTED, image: Buffer): DebSpec => ({
  name: `linux-image-${named.release}`,
  version: named.version,
  files: { [`boot/vmlinuz-${named.release}`]: image, 'usr/share/doc/x': '' },
});

/** An archive whose index has one release, and its pool another. */
async function archiveWith(t: Test, listed: Buffer, dropped: Buffer): Promise<void> {
  t.setTimeout(300_000);
  const folder = await mkdtemp(join(tmpdir(), 'segproof-former-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const archive = await makeArchive(folder, [spec(LISTED, listed)]);
  const pool = join(archive.pool, 'main/l/linux-signed-amd64');
  await mkdir(pool, { recursive: true });
  await buildDeb(pool, spec(DROPPED, dropped));
  fetchOnlyFrom(folder, archive);
}

const needed = ['apt-get', 'dpkg-deb', 'gpg', 'gpgv', 'depmod', 'openssl', 'xz', 'zstd'];
const missing: string[] = [];
for (const program of needed) if (!(await has(program))) missing.push(program);
const options = missing.length === 0 ? {} : { skip: `not installed: ${missing.join(', ')}` };

const withKeys = (use: (debian: BuildKey, other: BuildKey) => Promise<void>): Promise<void> =>
  withBuildKey((debian) => withBuildKey((other) => use(debian, other)));

void test(
  'the signer of an image is told from an image that is whole, and from no other',
  options,
  async (t) => {
    await withKeys((debian) => {
      const signed = signImage(kernel(LISTED), debian);
      t.equal(signerOf(signed)?.raw.equals(debian.certificate), true);
      t.equal(signerOf(kernel(LISTED)), null, 'not signed');
      for (const at of [0, 0x80, 0x1f1, 0x2000, signed.length - 40]) {
        const flipped = Buffer.from(signed);
        flipped.writeUInt8(flipped.readUInt8(at) ^ 1, at);
        t.equal(signerOf(flipped), null, `byte ${at} flipped`);
      }
      for (const bytes of [0, 3, 0x3d, 0x100, 0x1000, signed.length - 8])
        t.equal(signerOf(signed.subarray(0, bytes)), null, `cut to ${bytes} bytes`);
      t.equal(signerOf(Buffer.concat([signed, Buffer.from('more')])), null, 'something behind it');
      return Promise.resolve();
    });
  },
);

void test(
  'a release that only the pool holds is taken when the signer of a listed one signed it',
  options,
  async (t) => {
    await withKeys(async (debian) => {
      await archiveWith(t, signImage(kernel(LISTED), debian), signImage(kernel(DROPPED), debian));
      for (const text of ['6.12.9', 'debian:6.12.9-1', '6.12.9+deb13-amd64'])
        t.match(
          await resolveKernel(text),
          { release: DROPPED.release, version: '6.12.9-1', upstream: '6.12.9' },
          text,
        );
    });
  },
);

void test('a release that only the pool holds is refused when nothing vouches for it', options, async (t) => {
  await withKeys(async (debian, other) => {
    const listed = signImage(kernel(LISTED), debian);
    const cases: Readonly<Record<string, readonly [Buffer, RegExp]>> = {
      'not signed': [kernel(DROPPED), /has no whole Secure Boot signature/],
      'signed by somebody else': [signImage(kernel(DROPPED), other), /signed by .* who signed no image/],
      'another release': [
        signImage(kernel({ ...DROPPED, version: '6.12.9-2' }), debian),
        /Debian 6\.12\.9-2 instead/,
      ],
    };
    for (const [what, [image, message]] of Object.entries(cases)) {
      await archiveWith(t, listed, image);
      await t.rejects(resolveKernel('6.12.9'), { name: 'KernelError', exitCode: 69, message }, what);
      const kept = (await readdir(kernelStore())).filter(
        (name) => name.startsWith(DROPPED.release) && !name.endsWith('.lock'),
      );
      t.strictSame(kept, [], 'nothing of it is kept');
    }
    await archiveWith(t, listed, kernel(DROPPED));
    t.match((await resolveKernel('6.12.9', { unverified: true })).description, /NOT verified/);
    await t.rejects(
      resolveKernel('6.12.9'),
      { exitCode: 69, message: /signature/ },
      'for others it is not there',
    );
    await t.rejects(
      resolveKernel('6.12.8'),
      { exitCode: 65, message: /does not serve it/ },
      'nor in the pool',
    );
  });
});
tap.setTimeout(300_000);
