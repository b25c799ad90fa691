import { execa } from 'execa';
import { access, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tap, { test, type Test } from 'tap';
import { has } from './exec.ts';
import { signatureOf } from './module-signature.ts';
import { kernelStore } from './paths.ts';
import { poolPath } from './pool.ts';
import { resolveKernel } from './resolve.ts';
import { makeArchive, fetchOnlyFrom } from './test-archive.ts';
import { buildDeb, debianBanner, fakeImage, type DebSpec } from './test-kernel.ts';
import { withBuildKey } from './test-signing.ts';
import type { Progress } from './types.ts';

/* Kernels whose modules have left the index: taken from the pool if the key in the kernel vouches for them. */

const VERSION = '7.0.5-1';
const RELEASE = '7.0.5-amd64';
const MODULE = `usr/lib/modules/${RELEASE}/kernel/net/veth.ko.xz`;

/** The smallest file that depmod takes for a module: an ELF header, an empty section, and the names of sections. */
const elf = (): Buffer => {
  const [header, names, sections] = [
    Buffer.alloc(64),
    Buffer.from('\0.shstrtab\0'.padEnd(16, '\0')),
    Buffer.alloc(128),
  ];
  header.write('7f454c46020101', 'hex');
  // Type relocatable, machine x86-64, version; where the sections' headers are, their size and number, and which one names them.
  for (const [at, value] of [
    [16, 1],
    [18, 62],
    [20, 1],
    [40, 80],
    [52, 64],
    [58, 64],
    [60, 2],
    [62, 1],
  ] as const)
    header.writeUInt16LE(value, at);
  // Name, type SHT_STRTAB, and place of the names.
  for (const [at, value] of [
    [0, 1],
    [4, 3],
    [24, 64],
    [32, 11],
  ] as const)
    sections.writeUInt32LE(value, 64 + at);
  return Buffer.concat([header, names, sections]);
};

const packed = async (data: Buffer): Promise<Buffer> =>
  Buffer.from(
    (await execa('xz', ['-c'], { input: data, encoding: 'buffer', stripFinalNewline: false })).stdout,
  );

const image = (certificate: Buffer): DebSpec[] => [
  {
    name: `linux-image-${RELEASE}`,
    version: VERSION,
    depends: `linux-binary-${RELEASE} (= ${VERSION}), linux-modules-${RELEASE} (= ${VERSION})`,
    files: {},
  },
  {
    name: `linux-binary-${RELEASE}`,
    version: VERSION,
    files: {
      [`boot/vmlinuz-${RELEASE}`]: fakeImage(
        debianBanner(RELEASE, VERSION),
        // Something else stands before it, as in a kernel.
        Buffer.concat([Buffer.from('3082aaaa3082'.repeat(9), 'hex'), certificate]),
      ),
    },
  },
];

const modulesIn = async (pool: string, files: DebSpec['files']): Promise<void> => {
  await mkdir(pool, { recursive: true });
  await buildDeb(pool, { name: `linux-modules-${RELEASE}`, version: VERSION, files });
};

/** An archive whose index has the image alone, and its pool the modules too. */
async function archiveWith(t: Test, certificate: Buffer, files: DebSpec['files'] | null): Promise<string> {
  t.setTimeout(300_000);
  const folder = await mkdtemp(join(tmpdir(), 'segproof-unlisted-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const archive = await makeArchive(folder, image(certificate));
  if (files !== null) await modulesIn(join(archive.pool, 'main/l/linux'), files);
  fetchOnlyFrom(folder, archive);
  return folder;
}

const needed = ['apt-get', 'dpkg-deb', 'gpg', 'gpgv', 'depmod', 'openssl', 'xz'];
const missing: string[] = [];
for (const program of needed) if (!(await has(program))) missing.push(program);
const options = missing.length === 0 ? {} : { skip: `not installed: ${missing.join(', ')}` };

void test('the pool has a package under its source, and its version without the epoch', (t) => {
  const of = (source: string): string =>
    poolPath({ name: 'linux-modules-7.0', version: '1:7.0-1', source, suite: 'sid' });
  t.equal(of('linux'), 'pool/main/l/linux/linux-modules-7.0_7.0-1_amd64.deb');
  t.equal(of('libzstd'), 'pool/main/libz/libzstd/linux-modules-7.0_7.0-1_amd64.deb');
  t.end();
});

void test('what carries no whole signature has none', (t) => {
  const mark = '~Module signature appended~\n';
  for (const module of [
    '',
    'x',
    mark,
    `${'\0'.repeat(12)}${mark}`,
    `\0\0\x02\0\0\0\0\0\xff\xff\xff\xff${mark}`,
  ])
    t.equal(signatureOf(Buffer.from(module, 'latin1')), null);
  t.end();
});

void test('modules that only the pool holds are taken when the kernel has their key', options, async (t) => {
  await withBuildKey(async ({ certificate, sign }) => {
    const good = await packed(await sign(elf()));
    await archiveWith(t, certificate, { [MODULE]: good, [`usr/lib/modules/${RELEASE}/modules.order`]: 'x' });
    const kernel = await resolveKernel('7.0');
    t.match(kernel, { name: '7.0', version: VERSION, description: /^(?!.*NOT)/ });
    const modules = join(kernel.modules ?? '', 'lib/modules', RELEASE);
    t.strictSame(await readFile(join(modules, 'kernel/net/veth.ko.xz')), good);
    await access(join(modules, 'modules.dep'));
    await t.rejects(access(join(modules, 'modules.order')), 'what no key vouches for is not taken');
  });
});

void test('modules that the key in the kernel does not vouch for are refused', options, async (t) => {
  await withBuildKey(async ({ certificate, sign }) => {
    const signed = await sign(elf());
    const flipped = Buffer.from(signed);
    flipped.writeUInt8(flipped.readUInt8(40) ^ 1, 40);
    const foreign = await withBuildKey((other) => other.sign(elf()));
    const cases: Readonly<Record<string, readonly [Buffer, RegExp]>> = {
      'one byte flipped': [await packed(flipped), /veth\.ko\.xz is not what its signature was made for/],
      'another key': [await packed(foreign), /signed by a key that the kernel does not know/],
      'no signature': [await packed(elf()), /is not signed/],
      'cut short': [(await packed(signed)).subarray(0, -20), /is damaged/],
    };
    for (const [what, [module, message]] of Object.entries(cases)) {
      await archiveWith(t, certificate, { [MODULE]: module });
      await t.rejects(
        resolveKernel('7.0'),
        { name: 'KernelError', exitCode: 69, message, advice: /--unverified/ },
        what,
      );
      t.notOk(
        (await readdir(kernelStore())).some((name) => !name.endsWith('.lock')),
        'nothing of it is kept',
      );
    }
  });
});

void test(
  '--unverified takes them, says so, and does not serve those who have not said it',
  options,
  async (t) => {
    await withBuildKey(async ({ certificate }) => {
      await archiveWith(t, certificate, { [MODULE]: await packed(elf()) });
      const said: Progress[] = [];
      const kernel = await resolveKernel('7.0', { unverified: true, onProgress: (one) => said.push(one) });
      t.match(kernel.description, /NOT verified/);
      t.ok(said.some(({ message }) => message.includes('NOT verified')));
      await t.rejects(resolveKernel('7.0'), { exitCode: 69, message: /is not signed/ });
    });
  },
);

void test('without modules in index and pool, the missing package is named', options, async (t) => {
  await withBuildKey(async ({ certificate }) => {
    const folder = await archiveWith(t, certificate, null);
    await t.rejects(resolveKernel('7.0'), {
      name: 'KernelError',
      exitCode: 69,
      message: /linux-modules-7\.0\.5-amd64 7\.0\.5-1: neither the index nor the pool/,
      advice: /snapshot/,
    });
    await rename(join(folder, 'archive'), join(folder, 'gone'));
    await writeFile(join(folder, 'archive'), '');
    await t.rejects(resolveKernel('7.0', { offline: true }), { exitCode: 69, message: /not in the cache/ });
  });
});
tap.setTimeout(300_000);
