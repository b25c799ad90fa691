import { execa } from 'execa';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tap, { test, type Test } from 'tap';
import { lackingForGuests } from './fixtures/no-guests.ts';
import { guestMachine } from './guest.ts';
import { ALIVE } from './guest/init.ts';
import { probeKvm } from './guest/kvm.ts';
import { lackingModule } from './guest/modules.ts';
import { has } from './kernels/exec.ts';
import { kernelStore } from './kernels/paths.ts';
import { resolveKernel } from './kernels/resolve.ts';
import { archiveAt, makeArchive, type TestArchive, fetchOnlyFrom } from './kernels/test-archive.ts';
import { debianBanner, fakeImage, writeFiles } from './kernels/test-kernel.ts';
import { MachineError } from './machine.ts';
import { vngCommand } from './virtme.ts';

/* What can go wrong before a guest runs: packages, tools, KVM, the disk. What can go wrong in one is in guest.test.ts. */

const RELEASE = '6.1.0-30-amd64';
/** Content of the kernel package that does not shrink, in bytes: more than the small disk below has. */
const NOISE_BYTES = 6 << 20;
const noise = (): Buffer => {
  const data = Buffer.alloc(NOISE_BYTES);
  for (let at = 0, value = 1; at < data.length; at += 4) {
    value = (Math.imul(value, 1664525) + 1013904223) | 0;
    data.writeInt32LE(value ^ (value >>> 15), at);
  }
  return data;
};

let made: Promise<TestArchive> | null = null;
/** Not before a test needs it: it takes tools that may be missing. */
const original = (): Promise<TestArchive> =>
  (made ??= mkdtemp(join(tmpdir(), 'segproof-faults-')).then((folder) =>
    makeArchive(folder, [
      {
        name: `linux-image-${RELEASE}`,
        version: '6.1.30-1',
        files: {
          [`boot/vmlinuz-${RELEASE}`]: fakeImage(debianBanner(RELEASE, '6.1.30-1')),
          [`lib/modules/${RELEASE}/kernel/net/noise.bin`]: noise(),
          [`lib/modules/${RELEASE}/modules.order`]: '',
          [`lib/modules/${RELEASE}/modules.builtin`]: '',
        },
      },
    ]),
  ));
tap.teardown(async () => {
  if (made) await rm(join((await made).root, '..'), { recursive: true, force: true });
});

/** An archive of its own for a test, and an environment in which it is the only one and the cache is empty. */
async function useArchive(t: Test): Promise<TestArchive & { readonly folder: string }> {
  t.setTimeout(300_000);
  const folder = await mkdtemp(join(tmpdir(), 'segproof-faults-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const { keyring, root } = await original();
  await cp(root, join(folder, 'archive'), { recursive: true });
  const archive = archiveAt(join(folder, 'archive'), keyring);
  fetchOnlyFrom(folder, archive);
  return { ...archive, folder };
}

const needed = ['apt-get', 'dpkg-deb', 'gpg', 'gpgv', 'depmod', 'unshare'];
const missing: string[] = [];
for (const program of needed) if (!(await has(program))) missing.push(program);
const options = missing.length === 0 ? {} : { skip: `not installed: ${missing.join(', ')}` };

const lacking = await lackingForGuests();
const withVirtme = lacking === false ? options : { skip: lacking };

const FETCH = ['--import', 'tsx', new URL('./fixtures/fetch.ts', import.meta.url).pathname];
const kept = async (): Promise<string[]> =>
  (await readdir(kernelStore()).catch(() => [])).filter((name) => !name.endsWith('.lock'));

void test(
  'a kernel package that is cut short on the mirror is refused, and nothing is kept',
  options,
  async (t) => {
    const { pool } = await useArchive(t);
    await truncate(join(pool, `linux-image-${RELEASE}_6.1.30-1_amd64.deb`), 100_000);
    await t.rejects(resolveKernel('6.1'), { name: 'KernelError', exitCode: 69, message: /6\.1\.30-1/ });
    t.strictSame(await kept(), []);
  },
);

void test('of two runs that want one kernel, one fetches it and both get it', options, async (t) => {
  await useArchive(t);
  const both = await Promise.all(
    [1, 2].map(async () => {
      const { stdout } = await execa(process.execPath, [...FETCH, '6.1']);
      return JSON.parse(stdout) as { image: string; stages: string[] };
    }),
  );
  t.equal(both[0]?.image, both[1]?.image);
  t.equal(both.filter(({ stages }) => stages.includes('download')).length, 1);
  t.equal((await kept()).length, 1);
});

void test(
  'a disk that fills up ends the fetch with that reason, and the next one heals it',
  process.geteuid?.() === 0 ? options : { skip: 'mounting a small disk needs root' },
  async (t) => {
    const { folder } = await useArchive(t);
    const cache = join(folder, 'cache');
    await mkdir(cache);
    // First on a disk that holds less than the package, then, with what was left there, on one that is large enough.
    const script = [
      `mount -t tmpfs -o size=${Math.floor(NOISE_BYTES / (1 << 20)) + 3}m small "${cache}"`,
      '"$@" || exit; echo',
      `ls -A "${kernelStore()}" | grep -v "\\.lock$" | wc -l`,
      `mount -o remount,size=64m "${cache}"`,
      '"$@"',
    ].join('\n');
    const command = ['--mount', 'sh', '-c', script, 'sh', process.execPath, ...FETCH, '6.1'];
    const [first = '', left, second = ''] = (await execa('unshare', command)).stdout.split('\n');
    t.match(JSON.parse(first), { exitCode: 69, message: /space|full|free/i });
    t.equal(left, '0', 'nothing of it is kept');
    t.match(JSON.parse(second), { image: /vmlinuz/ });
  },
);

void test(
  'a virtme-ng that is absent or too old is named, with the version that is needed',
  withVirtme,
  async (t) => {
    const { folder } = await useArchive(t);
    await writeFiles(folder, { 'old/vng': '#!/bin/sh\necho virtme-ng 1.30\n' });
    const { PATH } = process.env;
    t.teardown(() => {
      process.env['PATH'] = PATH;
      delete process.env['SEGPROOF_VNG'];
    });
    await execa('chmod', ['+x', join(folder, 'old/vng')]);
    process.env['PATH'] = `${join(folder, 'old')}:${PATH ?? ''}`;
    await t.rejects(vngCommand(), {
      name: 'KernelError',
      exitCode: 69,
      message: /virtme-ng 1\.41 or newer is not/,
    });
    process.env['SEGPROOF_VNG'] = join(folder, 'none/vng');
    await t.rejects(vngCommand(), { name: 'KernelError', exitCode: 69, message: /SEGPROOF_VNG/ });
  },
);

void test('a kernel without 9p is refused by name before it is booted', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'segproof-faults-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const base = `lib/modules/${RELEASE}`;
  await writeFiles(folder, {
    [`${base}/modules.dep`]: 'kernel/net/9p/9pnet_virtio.ko.xz: kernel/net/9p/9pnet.ko.xz\n',
    [`${base}/modules.builtin`]: 'kernel/drivers/virtio/virtio_pci.ko\n',
  });
  t.equal(lackingModule(folder, RELEASE), '9p');
  await writeFiles(folder, {
    [`${base}/modules.builtin`]: 'kernel/drivers/virtio/virtio_pci.ko\nkernel/fs/9p/9p.ko\n',
  });
  t.equal(lackingModule(folder, RELEASE), null);
  t.equal(lackingModule(null, RELEASE), null, 'nothing tells what an image without modules has');
  t.end();
});

const fakeKvm = async (t: Test): Promise<string> => {
  t.setTimeout(120_000);
  const folder = await mkdtemp(join(tmpdir(), 'segproof-kvm-'));
  const cache = process.env['XDG_CACHE_HOME'];
  t.teardown(() => {
    // Whatever uses a cache later must not make this folder anew.
    if (cache === undefined) delete process.env['XDG_CACHE_HOME'];
    else process.env['XDG_CACHE_HOME'] = cache;
    return rm(folder, { recursive: true, force: true });
  });
  process.env['XDG_CACHE_HOME'] = folder;
  await writeFile(join(folder, 'kvm'), '');
  return join(folder, 'kvm');
};
const files = { kernel: '/none', initramfs: '/none' };

void test('KVM that is present but dead is found by booting, with its own words, once per host', async (t) => {
  const device = await fakeKvm(t);
  const with_ = (script: string, deadlineMs = 60_000): ReturnType<typeof probeKvm> =>
    probeKvm(files, { device, boot: () => ['sh', '-c', script], deadlineMs });
  t.match(await probeKvm(files, { device: `${device}-none`, boot: () => ['true'], deadlineMs: 1 }), {
    usable: false,
    reason: /is not there/,
  });
  const dead = await with_('echo "error: failed to set MSR"; kill -ABRT $$');
  t.match(dead, { usable: false, reason: /SIGABRT.*failed to set MSR/ });
  t.strictSame(await with_(`echo "${ALIVE}"`), dead, 'the answer is remembered');
  await rm(join(device, '../segproof/kvm.json'));
  t.match(await with_('sleep 1000', 300), { usable: false, reason: /no guest came up within 0\.3 s/ });
  await rm(join(device, '../segproof/kvm.json'));
  t.strictSame(await with_(`echo "${ALIVE}"`), { usable: true, reason: '' });
  t.match(JSON.parse(await readFile(join(device, '../segproof/kvm.json'), 'utf8')), { usable: true });
});

void test('an image that lacks a module folder it needs does not start a guest', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'segproof-faults-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  await writeFiles(folder, {
    [`lib/modules/${RELEASE}/modules.dep`]: '',
    [`lib/modules/${RELEASE}/modules.builtin`]: '',
  });
  const kernel = { name: 'k', image: join(folder, 'none'), modules: folder, release: RELEASE };
  const start = guestMachine({ kernel, accel: 'tcg' }).start({
    ...{
      command: ['true'],
      folder,
      bootMs: 1000,
      signal: new AbortController().signal,
      onState: () => undefined,
    },
  });
  const error = await start.then(
    () => null,
    (cause: unknown) => cause,
  );
  // Without virtme-ng on this machine that is what is said first, as a KernelError.
  if (error instanceof MachineError) {
    t.equal(error.trouble, 'unavailable');
    t.match(error.message, /6\.1\.0-30-amd64 cannot be a guest: it has no 9p/);
  } else t.match(error, { name: 'KernelError', exitCode: 69 });
});
