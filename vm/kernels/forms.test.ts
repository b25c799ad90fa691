import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type Test } from 'tap';
import { lackingForGuests } from '../fixtures/no-guests.ts';
import { has } from './exec.ts';
import { kernelStore } from './paths.ts';
import { resolveKernel } from './resolve.ts';
import { debianBanner, fakeImage, writeFiles } from './test-kernel.ts';
import { writeRpm } from './test-rpm.ts';
import { modulePaths } from './tree-modules.ts';

/* Kernels in the other forms: RPM packages, kernel trees that are not installed, virtme-ng's own download. */

const RELEASE = '6.14.5-200.fc42.x86_64';
const IMAGE = fakeImage(`${RELEASE} (mockbuild@here) (gcc) #1 SMP PREEMPT_DYNAMIC Fri May 2 2025`);

async function scratch(t: Test, files: Readonly<Record<string, string | Buffer>> = {}): Promise<string> {
  t.setTimeout(300_000);
  const folder = await mkdtemp(join(tmpdir(), 'segproof-forms-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  process.env['XDG_CACHE_HOME'] = join(folder, 'cache');
  process.env['SEGPROOF_NO_INSTALL'] = '1';
  await writeFiles(folder, files);
  return folder;
}

const depmod = (await has('depmod')) ? {} : { skip: 'depmod is not installed' };
const withVirtme = { skip: await lackingForGuests() };
const unpacker = (await has('bsdtar')) || ((await has('rpm2cpio')) && (await has('cpio')));
const withRpm = unpacker ? depmod : { skip: 'nothing to unpack RPM packages with is installed' };

void test('an .rpm with image and modules is a kernel', withRpm, async (t) => {
  const folder = await scratch(t);
  const rpm = join(folder, 'kernel-default-6.14.5-1.x86_64.rpm');
  await writeRpm(rpm, {
    [`lib/modules/${RELEASE}/vmlinuz`]: IMAGE,
    [`lib/modules/${RELEASE}/kernel/net/a.txt`]: 'a',
    [`lib/modules/${RELEASE}/modules.order`]: '',
  });
  const kernel = await resolveKernel(rpm);
  t.match(kernel, { name: RELEASE, release: RELEASE, origin: 'package', upstream: null });
  t.equal(kernel.image, join(kernel.modules ?? '', `boot/vmlinuz-${RELEASE}`));
  t.equal(await readFile(join(kernel.modules ?? '', `lib/modules/${RELEASE}/kernel/net/a.txt`), 'utf8'), 'a');
  await truncate(rpm, Math.floor((await stat(rpm)).size / 2));
  await t.rejects(resolveKernel(rpm), { name: 'KernelError', exitCode: 65, message: /not a whole package/ });
});

void test("the parts of Fedora's kernel are found beside the one that is given", withRpm, async (t) => {
  const folder = await scratch(t);
  const part = (kind: string): string => join(folder, `kernel-${kind}-6.14.5-200.fc42.x86_64.rpm`);
  await writeRpm(part('core'), { [`lib/modules/${RELEASE}/vmlinuz`]: IMAGE });
  for (const kind of ['modules-core', 'modules'])
    await writeRpm(part(kind), { [`lib/modules/${RELEASE}/kernel/net/${kind}.txt`]: kind });
  await writeRpm(part('modules').replace('6.14.5', '6.14.6'), { 'lib/foreign': '' });
  await writeRpm(join(folder, 'kernel-rt-core-6.14.5-200.fc42.x86_64.rpm'), { 'lib/foreign': '' });
  for (const kind of ['core', 'modules-core', 'modules']) {
    const { modules } = await resolveKernel(part(kind));
    const names = await readdir(join(modules ?? '', 'lib/modules', RELEASE, 'kernel/net'));
    t.strictSame(names.sort(), ['modules-core.txt', 'modules.txt'], `given ${kind}`);
  }
  await rm(part('core'));
  await t.rejects(resolveKernel(part('modules')), {
    name: 'KernelError',
    exitCode: 65,
    message: /kernel-core-6\.14\.5-200\.fc42\.x86_64\.rpm is not beside it/,
  });
});

void test('modules of a kernel tree are taken from where they were built', depmod, async (t) => {
  const release = '7.4.0-rc2+';
  const folder = await scratch(t, {
    'linux/arch/x86/boot/bzImage': fakeImage(`${release} (me@here) (gcc) #3 SMP`),
    'linux/modules.order': 'drivers/net/dummy.o\n',
    'linux/modules.builtin': 'kernel/fs/9p/9p.ko\n',
  });
  const tree = join(folder, 'linux');
  await t.rejects(resolveKernel(tree), {
    exitCode: 65,
    message: /not built: there is no drivers\/net\/dummy\.ko/,
  });
  await rename(join(tree, 'modules.order'), join(tree, 'order'));
  t.match(await resolveKernel(tree), { modules: null, origin: 'tree', description: /without modules/ });
  await writeFile(join(tree, 'modules.order'), '');
  t.match(await resolveKernel(tree), { modules: null }, 'a kernel with everything built in');
});

void test('modules.order is read in each form it has had', (t) => {
  for (const line of ['drivers/net/dummy.o', 'drivers/net/dummy.ko', 'kernel/drivers/net/dummy.ko'])
    t.strictSame(modulePaths(`${line}\n`), ['drivers/net/dummy.ko']);
  t.end();
});

void test(
  "virtme-ng's download that cannot be reached is no kernel, and leaves nothing",
  withVirtme,
  async (t) => {
    const folder = await scratch(t);
    const bin = join(folder, 'bin');
    await mkdir(bin);
    // What requests says at the end of its traceback when nobody answers.
    const error =
      "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='kernels.example', port=443): Max retries";
    const modules = join(folder, 'python');
    await writeFiles(modules, {
      'virtme_ng/__init__.py': '',
      'virtme_ng/mainline.py': `import sys\ndef KernelDownloader(version):\n  sys.stderr.write(${JSON.stringify(error)})\n  sys.exit(1)\n`,
    });
    await writeFile(join(bin, 'vng'), '#!/bin/sh\necho virtme-ng 1.41\n', { mode: 0o755 });
    Object.assign(process.env, { SEGPROOF_VNG: join(bin, 'vng'), PYTHONPATH: modules });
    t.teardown(() => {
      delete process.env['SEGPROOF_VNG'];
      delete process.env['PYTHONPATH'];
    });
    await t.rejects(resolveKernel('v6.6'), {
      name: 'KernelError',
      exitCode: 69,
      message: /v6\.6: virtme-ng cannot download it: kernels\.example cannot be reached/,
      advice: /give 6\.6/,
    });
    t.notOk((await readdir(kernelStore())).some((name) => !name.endsWith('.lock')));
  },
);

void test("virtme-ng's download is kept whole and said to be unverified", withVirtme, async (t) => {
  const folder = await scratch(t);
  const release = '6.6.0-060600-generic';
  const image = join(folder, 'image');
  await writeFile(image, fakeImage(debianBanner(release, '6.6')));
  const modules = join(folder, 'python');
  await writeFiles(modules, {
    'virtme_ng/__init__.py': '',
    'virtme_ng/mainline.py': [
      'import os, shutil',
      'def KernelDownloader(version):',
      '  base = os.path.expanduser("~/.cache/virtme-ng/" + version + "/amd64")',
      '  os.makedirs(base + "/boot")',
      `  shutil.copy("${image}", base + "/boot/vmlinuz-${release}")`,
      '  open(base + "/linux.deb", "w").close()',
      '',
    ].join('\n'),
  });
  await writeFiles(folder, { 'bin/vng': '#!/bin/sh\necho virtme-ng 1.41\n' });
  await chmod(join(folder, 'bin/vng'), 0o755);
  Object.assign(process.env, { SEGPROOF_VNG: join(folder, 'bin/vng'), PYTHONPATH: modules });
  const kernel = await resolveKernel('v6.6');
  t.match(kernel, {
    name: 'v6.6',
    release,
    upstream: '6.6',
    origin: 'mainline',
    description: /NOT verified/,
  });
  delete process.env['SEGPROOF_VNG'];
  delete process.env['PYTHONPATH'];
  t.strictSame(await resolveKernel('v6.6', { offline: true }), kernel);
});
