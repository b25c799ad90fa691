import { access, appendFile, cp, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tap, { test, type Test } from 'tap';
import { has } from './exec.ts';
import { pruneKernels, verifyKernels } from './maintain.ts';
import { kernelStore } from './paths.ts';
import { listSeries, resolveKernel } from './resolve.ts';
import { archiveAt, makeArchive, fetchOnlyFrom, makeKeyring, type TestArchive } from './test-archive.ts';
import { debianBanner, fakeImage, type DebSpec } from './test-kernel.ts';
import type { Progress } from './types.ts';

/* The whole way from a signed archive to a kernel in the cache, against an archive in a folder: nothing is downloaded. */

const single = (release: string, version: string, suffix = ''): DebSpec => ({
  name: `linux-image-${release}${suffix}`,
  version,
  files: {
    [`boot/vmlinuz-${release}`]: fakeImage(debianBanner(release, version)),
    [`boot/config-${release}`]: 'CONFIG_NET=y\n',
    [`lib/modules/${release}/kernel/net/sched/modules.txt`]: 'kept',
    [`lib/modules/${release}/kernel/sound/modules.txt`]: 'left out',
    [`lib/modules/${release}/modules.order`]: '',
    [`lib/modules/${release}/modules.builtin`]: '',
    'usr/share/doc/copyright': 'left out',
  },
});

const split = (release: string, version: string): DebSpec[] => [
  {
    name: `linux-image-${release}`,
    version,
    depends: `linux-base-${release} (= ${version}), linux-binary-${release} (= ${version}), linux-modules-${release} (= ${version})`,
    files: { 'usr/share/doc/copyright': 'left out' },
  },
  {
    name: `linux-binary-${release}`,
    version,
    files: { [`usr/lib/modules/${release}/vmlinuz`]: fakeImage(debianBanner(release, version)) },
  },
  {
    name: `linux-modules-${release}`,
    version,
    files: { [`usr/lib/modules/${release}/kernel/net/ipv4/modules.txt`]: 'kept' },
  },
  {
    name: `linux-base-${release}`,
    version,
    files: {
      [`usr/lib/modules/${release}/modules.order`]: '',
      [`usr/lib/modules/${release}/modules.builtin`]: '',
    },
  },
];

const PACKAGES: DebSpec[] = [
  single('6.1.0-8-amd64', '6.1.9-1'),
  single('6.1.0-30-amd64', '6.1.30-1', '-unsigned'),
  single('6.1.0-31-cloud-amd64', '6.1.31-1'),
  { name: 'linux-image-6.1-amd64', version: '6.1.99-1', depends: 'linux-image-6.1.0-30-amd64', files: {} },
  ...split('7.3.4-amd64', '7.3.4-1~bpo13+1'),
  ...split('7.0.5-amd64', '7.0.5-1').filter(({ name }) => !name.includes('binary')),
];

/** Built once, and copied for each test, which may harm it. */
let made: Promise<TestArchive> | null = null;
/** Not before a test needs it: it takes tools that may be missing. */
const original = (): Promise<TestArchive> =>
  (made ??= mkdtemp(join(tmpdir(), 'segproof-archive-')).then((folder) => makeArchive(folder, PACKAGES)));
tap.teardown(async () => {
  if (made) await rm(join((await made).root, '..'), { recursive: true, force: true });
});

/** An archive, and an environment in which it is the only one and the cache is empty. */
async function useArchive(t: Test): Promise<TestArchive> {
  // Two cores of a busy CI machine: these tests start dozens of processes.
  t.setTimeout(300_000);
  const folder = await mkdtemp(join(tmpdir(), 'segproof-archive-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const { keyring, root } = await original();
  await cp(root, join(folder, 'archive'), { recursive: true });
  const archive = archiveAt(join(folder, 'archive'), keyring);
  fetchOnlyFrom(folder, archive);
  return archive;
}

const needed = ['apt-get', 'dpkg-deb', 'gpg', 'gpgv', 'depmod'];
const missing: string[] = [];
for (const program of needed) if (!(await has(program))) missing.push(program);
const options = missing.length === 0 ? {} : { skip: `not installed: ${missing.join(', ')}` };

void test(
  'the newest kernel of a series comes from the archive, whole and in one form',
  options,
  async (t) => {
    await useArchive(t);
    const kernel = await resolveKernel('6.1');
    t.match(kernel, {
      name: '6.1',
      release: '6.1.0-30-amd64',
      version: '6.1.30-1',
      upstream: '6.1.30',
      origin: 'debian',
    });
    const modules = join(kernel.modules ?? '', 'lib/modules/6.1.0-30-amd64');
    await access(kernel.image);
    await access(join(modules, 'modules.dep'));
    await access(join(modules, 'kernel/net/sched/modules.txt'));
    await t.rejects(access(join(modules, 'kernel/sound')), 'what no test needs is not unpacked');
    await t.rejects(access(join(kernel.modules ?? '', 'usr')));

    const splitKernel = await resolveKernel('debian:7.3.4');
    t.match(splitKernel, { name: '7.3.4', upstream: '7.3.4', version: '7.3.4-1~bpo13+1' });
    t.equal(splitKernel.image, join(splitKernel.modules ?? '', 'boot/vmlinuz-7.3.4-amd64'));
    await access(join(splitKernel.modules ?? '', 'lib/modules/7.3.4-amd64/kernel/net/ipv4/modules.txt'));

    const said: Progress[] = [];
    t.strictSame(await resolveKernel('6.1', { onProgress: (progress) => said.push(progress) }), kernel);
    t.strictSame(said, [], 'the second time nothing is read or downloaded');
    t.strictSame(
      (await listSeries()).map(({ series, releases }) => [
        series,
        releases.map((one) => [one.release.upstream, one.cached]),
      ]),
      [
        [
          '6.1',
          [
            ['6.1.30', true],
            ['6.1.9', false],
          ],
        ],
        ['7.3', [['7.3.4', true]]],
      ],
    );
  },
);

void test('a kernel that the archive does not serve is refused with what it serves', options, async (t) => {
  await useArchive(t);
  await t.rejects(resolveKernel('6.99'), {
    name: 'KernelError',
    exitCode: 65,
    advice: /series available: 6\.1, 7\.3/,
  });
  await t.rejects(resolveKernel('6.1.77'), {
    name: 'KernelError',
    exitCode: 65,
    advice: /releases of 6\.1: 6\.1\.30, 6\.1\.9/,
  });
  await t.rejects(resolveKernel('7.0'), {
    name: 'KernelError',
    exitCode: 69,
    message: /dropped linux-binary-7\.0\.5-amd64/,
  });
});

void test('an archive that is not signed by the keyring is refused', options, async (t) => {
  const { root } = await useArchive(t);
  const other = await makeKeyring(join(root, '..'), 'stranger');
  process.env['SEGPROOF_DEBIAN_KEYRING'] = other.keyring;
  await t.rejects(resolveKernel('6.1'), { name: 'KernelError', exitCode: 69, message: /signature/ });
  t.strictSame(await readdir(kernelStore()).catch(() => []), []);
});

void test('an index that was changed after it was signed is refused', options, async (t) => {
  const { packagesFile } = await useArchive(t);
  await appendFile(packagesFile, '\n');
  await t.rejects(resolveKernel('6.1'), { name: 'KernelError', exitCode: 69 });
});

void test('a package that is not what the signed index names is refused', options, async (t) => {
  const { pool } = await useArchive(t);
  const deb = join(pool, 'linux-image-6.1.0-30-amd64-unsigned_6.1.30-1_amd64.deb');
  const content = await readFile(deb);
  content.writeUInt8(content.readUInt8(content.length - 9) ^ 1, content.length - 9);
  await writeFile(deb, content);
  await t.rejects(resolveKernel('6.1'), { name: 'KernelError', exitCode: 69, message: /6\.1\.30/ });
  t.notOk(
    (await readdir(kernelStore())).some((name) => !name.endsWith('.lock')),
    'nothing of it is kept',
  );
});

void test('what is in the cache serves on when the archive is gone', options, async (t) => {
  const { root } = await useArchive(t);
  await t.rejects(resolveKernel('6.1', { offline: true }), {
    name: 'KernelError',
    exitCode: 69,
    message: /no package index/,
  });
  const kernel = await resolveKernel('6.1');
  await rename(root, `${root}-gone`);
  t.strictSame(await resolveKernel('6.1', { offline: true }), kernel);
  const said: Progress[] = [];
  const again = await resolveKernel('6.1', { refresh: true, onProgress: (progress) => said.push(progress) });
  t.strictSame(again, kernel);
  t.match(said, [{ stage: 'index' }], 'and people are told');
  await t.rejects(resolveKernel('7.3'), { name: 'KernelError', exitCode: 69 });
});

void test('a changed file in the cache is found by verify and removed by prune', options, async (t) => {
  await useArchive(t);
  const kernel = await resolveKernel('6.1');
  await resolveKernel('6.1.9');
  t.strictSame(
    (await verifyKernels()).map(({ damage }) => damage),
    [[], []],
  );
  await writeFile(kernel.image, fakeImage(debianBanner('6.1.0-30-amd64', '6.1.30-2')));
  t.match((await verifyKernels()).map(({ damage }) => damage.join()).sort(), [
    '',
    /vmlinuz.*content has changed/,
  ]);
  t.strictSame(await pruneKernels('whole'), [kernel.modules]);
  t.strictSame(await resolveKernel('6.1'), kernel, 'it is made anew');
  t.strictSame(
    (await verifyKernels()).map(({ damage }) => damage),
    [[], []],
  );
  t.equal((await pruneKernels('newest')).length, 1);
  t.match(await verifyKernels(), [{ about: { upstream: '6.1.30' } }]);
  await pruneKernels('none');
  t.strictSame(await verifyKernels(), []);
});
