import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { release as hostRelease, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type Test } from 'tap';
import { has } from './exec.ts';
import { resolveKernel } from './resolve.ts';
import { buildDeb, debianBanner, fakeImage, writeFiles } from './test-kernel.ts';

const RELEASE = '6.12.95+deb13-amd64';
const IMAGE = fakeImage(debianBanner(RELEASE, '6.12.95-1'));
const OWN = fakeImage('7.4.0-rc2+ (me@here) (gcc) #3 SMP PREEMPT_DYNAMIC Mon Aug 3 2026');
const MODULES = {
  [`lib/modules/${RELEASE}/modules.order`]: '',
  [`lib/modules/${RELEASE}/modules.builtin`]: '',
};

async function scratch(t: Test, files: Readonly<Record<string, string | Buffer>> = {}): Promise<string> {
  t.setTimeout(300_000);
  const folder = await mkdtemp(join(tmpdir(), 'segproof-local-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  process.env['XDG_CACHE_HOME'] = join(folder, 'cache');
  process.env['SEGPROOF_NO_INSTALL'] = '1';
  await writeFiles(folder, files);
  return folder;
}

const debTools = (await has('dpkg-deb')) && (await has('depmod'));
const withDeb = debTools ? {} : { skip: 'dpkg-deb or depmod is not installed' };

void test('an image by path has the modules that lie with it, or none', async (t) => {
  const folder = await scratch(t, {
    'tree/boot/vmlinuz-x': IMAGE,
    'alone/bzImage': OWN,
    'usr/boot/vmlinuz': IMAGE,
  });
  await writeFiles(join(folder, 'tree'), MODULES);
  t.match(await resolveKernel(join(folder, 'tree/boot/vmlinuz-x')), {
    name: RELEASE,
    release: RELEASE,
    modules: join(folder, 'tree'),
    version: '6.12.95-1',
    upstream: '6.12.95',
    origin: 'path',
  });
  t.match(await resolveKernel(join(folder, 'tree')), { modules: join(folder, 'tree') }, 'an unpacked tree');
  t.match(await resolveKernel(join(folder, 'alone/bzImage')), {
    release: '7.4.0-rc2+',
    modules: null,
    version: null,
    upstream: '7.4.0-rc2',
    description: /without modules/,
  });
  await writeFiles(join(folder, 'usr/usr'), MODULES);
  t.match(await resolveKernel(join(folder, 'usr/boot/vmlinuz')), { modules: join(folder, 'usr/usr') });
});

void test('a kernel tree is found by its build', async (t) => {
  const folder = await scratch(t, {
    'linux/arch/x86/boot/bzImage': OWN,
    'source/Kbuild': '',
    'empty/README': '',
  });
  const image = join(folder, 'linux/arch/x86/boot/bzImage');
  for (const path of [join(folder, 'linux'), image])
    t.match(await resolveKernel(path), { image, origin: 'tree', name: '7.4.0-rc2+' });
  await t.rejects(resolveKernel(join(folder, 'source')), { name: 'KernelError', message: /no kernel in it/ });
  await t.rejects(resolveKernel(join(folder, 'empty')), { message: /no kernel in it/ });
});

void test('a path that is no kernel is refused by name', async (t) => {
  const folder = await scratch(t, { text: 'hello', 'two/boot/vmlinuz-1': IMAGE, 'two/boot/vmlinuz-2': OWN });
  await t.rejects(resolveKernel(join(folder, 'text')), {
    name: 'KernelError',
    message: /text: not a kernel image/,
  });
  await t.rejects(resolveKernel(join(folder, 'none')), { name: 'KernelError', message: /no such file/ });
  await t.rejects(resolveKernel('/dev/null'), {
    name: 'KernelError',
    message: /neither a file nor a folder/,
  });
  await t.rejects(resolveKernel(join(folder, 'two')), { message: /several kernels.*vmlinuz-1.*vmlinuz-2/ });
  await symlink('loop', join(folder, 'loop'));
  await t.rejects(resolveKernel(join(folder, 'loop')), { name: 'KernelError' });
});

void test('the running kernel is booted from its image in /boot, or said to have none', async (t) => {
  const image = `/boot/vmlinuz-${hostRelease()}`;
  const there = await readFile(image).catch(() => null);
  if (there === null)
    await t.rejects(resolveKernel('running-image'), { name: 'KernelError', message: /vmlinuz/ });
  else
    t.match(await resolveKernel('running-image'), { image, release: hostRelease(), origin: 'running-image' });
});

void test('a .deb is unpacked once, and again when it has changed', withDeb, async (t) => {
  const folder = await scratch(t);
  const name = `linux-image-${RELEASE}-unsigned`;
  const deb = await buildDeb(folder, {
    name,
    version: '6.12.95-1',
    files: { [`boot/vmlinuz-${RELEASE}`]: IMAGE, ...MODULES },
  });
  const kernel = await resolveKernel(deb);
  t.match(kernel, { name: RELEASE, upstream: '6.12.95', origin: 'package', modules: /cache/ });
  t.strictSame(await resolveKernel(deb), kernel);
  const without = await buildDeb(folder, {
    name,
    version: '6.12.96-1',
    files: { [`boot/vmlinuz-${RELEASE}`]: OWN },
  });
  await copyFile(without, deb);
  t.not((await resolveKernel(deb)).image, kernel.image);
});

void test('a damaged package, or one that holds no kernel, is refused', withDeb, async (t) => {
  const folder = await scratch(t, { 'text.deb': 'hello', 'none.rpm': 'hello' });
  const noise = Buffer.from(Array.from({ length: 40_000 }, (_, i) => (i * 2654435761) >>> 24));
  const files = { [`boot/vmlinuz-${RELEASE}`]: Buffer.concat([IMAGE, noise]) };
  const deb = await buildDeb(folder, { name: 'linux-image-x', version: '1', files });
  const content = await readFile(deb);
  for (const kept of [0, 60, 200, Math.floor(content.length / 2), content.length - 40]) {
    await writeFile(deb, content.subarray(0, kept));
    await t.rejects(
      resolveKernel(deb),
      { name: 'KernelError', message: /not a whole/ },
      `cut to ${kept} bytes`,
    );
  }
  await t.rejects(resolveKernel(join(folder, 'text.deb')), { name: 'KernelError', message: /not a whole/ });
  await t.rejects(resolveKernel(join(folder, 'none.rpm')), { name: 'KernelError' });
  const empty = await buildDeb(folder, { name: 'hello', version: '1', files: { 'usr/bin/hello': '' } });
  await t.rejects(resolveKernel(empty), { name: 'KernelError', message: /no kernel image in it/ });
});

void test('the parts of a split package are found beside the one that is given', withDeb, async (t) => {
  const folder = await scratch(t);
  const version = '7.3.4-1~bpo13+1';
  const [first] = await Promise.all(
    [
      { name: `linux-binary-${RELEASE}`, files: { [`boot/vmlinuz-${RELEASE}`]: IMAGE } },
      { name: `linux-modules-${RELEASE}`, files: { [`usr/lib/modules/${RELEASE}/kernel/net/a.txt`]: '' } },
      { name: `linux-base-${RELEASE}`, files: { [`usr/lib/modules/${RELEASE}/modules.order`]: '' } },
    ].map((spec) => buildDeb(folder, { ...spec, version })),
  );
  for (const kind of ['binary', 'modules', 'base'])
    t.match(await resolveKernel((first ?? '').replace('binary', kind)), {
      release: RELEASE,
      modules: /cache/,
    });
  await mkdir(join(folder, 'lone'));
  const lone = join(folder, 'lone', `linux-modules-${RELEASE}_${version}_amd64.deb`);
  await copyFile((first ?? '').replace('binary', 'modules'), lone);
  await t.rejects(resolveKernel(lone), { name: 'KernelError', message: /linux-binary.*not beside it/ });
});
