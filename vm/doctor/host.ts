/** What the host itself has to offer: programs, KVM, namespaces, disk, memory. */
import { mkdir, statfs } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';
import { bootFiles, BUSYBOXES, findBusybox } from '../guest/boot-files.ts';
import { DEFAULT_MEMORY } from '../guest/command.ts';
import { probeKvm } from '../guest/kvm.ts';
import { openFolder } from '../kernels/cache-folder.ts';
import { run } from '../kernels/exec.ts';
import { cacheRoot, toolStore } from '../kernels/paths.ts';
import { storedKernels, type StoredKernel } from '../kernels/store.ts';
import { kernelOf } from '../kernels/stored.ts';
import { KernelError, type KernelOptions } from '../kernels/types.ts';
import { ensurePrograms, missingPrograms, type Program } from '../tools.ts';
import { userNamespaceAdvice } from '../user-namespaces.ts';
import { NotFetched, vngCommand } from '../virtme.ts';
import { good, lacking, note, type Finding } from './finding.ts';

const MIB = 1024 * 1024;
/** A kernel package with its download takes 0.4 GB, a run's evidence some ten MB per kernel. */
const DISK = { least: 512 * MIB, enough: 3072 * MIB } as const;

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;

const failed = (subject: string, cause: unknown): Finding => {
  if (!(cause instanceof KernelError)) throw cause;
  return lacking(subject, cause.message, cause.advice);
};

/** Programs without which guests start all the same, and what is worse then. */
const OPTIONAL: Partial<Record<Program, string>> = {
  bsdtar: '.rpm kernels cannot be unpacked',
  xz: 'guests start later, and kernels that the index has dropped cannot be verified',
  zstd: 'guests start later, and kernels that the index has dropped cannot be verified',
};

export async function programs(fix: boolean, options: KernelOptions): Promise<Finding[]> {
  try {
    if (fix)
      await ensurePrograms(
        (await missingPrograms()).map(({ program }) => program),
        options,
      );
  } catch (cause) {
    return [failed('programs', cause)];
  }
  const missing = await missingPrograms();
  const findings = missing.map(({ program, package: name }) => {
    const mend = `apt-get install --no-install-recommends ${name}`;
    const without = OPTIONAL[program];
    return without === undefined
      ? lacking(program, 'not installed', mend)
      : note(program, `not installed: ${without}`, mend);
  });
  if (missing.some(({ program }) => program === 'qemu-system-x86_64')) return findings;
  const { stdout } = await run('qemu-system-x86_64', ['--version']);
  const version = /version (\S+)/.exec(stdout)?.[1] ?? 'of unknown version';
  return [good('QEMU', version), ...findings];
}

export async function virtme(fix: boolean, options: KernelOptions): Promise<Finding> {
  try {
    const vng = await vngCommand({ ...options, offline: !fix });
    const path = vng.env['PATH'] ?? '';
    if (findBusybox([vng.busybox, ...BUSYBOXES], path) === null)
      return lacking('busybox', 'no statically linked one was found', 'apt-get install busybox-static');
    return good(
      'virtme-ng',
      `${vng.version} (${vng.argv[0]?.includes(toolStore()) === true ? 'in the cache' : 'of this machine'})`,
    );
  } catch (cause) {
    if (cause instanceof NotFetched)
      return note(
        'virtme-ng',
        'not in the cache: the first run in a guest fetches it',
        'segproof doctor --fix',
      );
    return failed('virtme-ng', cause);
  }
}

/** Booted with whatever kernel the cache has: nothing else tells whether KVM works. */
export async function kvm(): Promise<Finding> {
  const subject = 'KVM';
  for (const { folder } of await storedKernels()) {
    const stored = await openFolder<StoredKernel>(folder);
    if (stored === null) continue;
    const vng = await vngCommand({ offline: true }).catch(() => null);
    const busybox = findBusybox([vng?.busybox ?? null, ...BUSYBOXES], vng?.env['PATH'] ?? '');
    if (busybox === null) break;
    const { usable, reason } = await probeKvm(
      bootFiles(kernelOf(stored, stored.about.release), { busybox, preload: [], standalone: null }),
    );
    if (usable) return good(subject, 'works');
    const mend = reason.startsWith('/dev/kvm')
      ? 'enable virtualisation in the firmware (or nested virtualisation in the hypervisor); adduser $USER kvm'
      : '';
    return note(subject, `guests run under TCG, some times slower: ${reason}`, mend);
  }
  return note(subject, 'not tried: there is no kernel in the cache to boot', 'segproof kernels fetch 6.12');
}

export async function namespaces(): Promise<Finding> {
  const subject = 'namespaces';
  const root = process.geteuid?.() === 0;
  const kinds = ['--mount', '--net', '--pid', '--fork'];
  const ran = await run('unshare', [...(root ? [] : ['--user', '--map-root-user']), ...kinds, 'true']);
  if (ran.ok) return good(subject, root ? 'may be made, as root' : 'may be made without root');
  const advice = userNamespaceAdvice().join('\n') || 'run segproof as root';
  return lacking(subject, `may not be made: ${ran.stderr}`, advice);
}

export async function disk(): Promise<Finding> {
  await mkdir(cacheRoot(), { recursive: true });
  const { bavail, bsize } = await statfs(cacheRoot());
  const detail = `${gigabytes(bavail * bsize)} free in ${cacheRoot()}`;
  const mend = 'segproof kernels prune makes room; XDG_CACHE_HOME puts the cache elsewhere';
  if (bavail * bsize < DISK.least) return lacking('disk', detail, mend);
  return bavail * bsize < DISK.enough
    ? note('disk', `${detail}, too little for several kernels`, mend)
    : good('disk', detail);
}

export function memory(): Finding {
  const detail = `${gigabytes(freemem())} free of ${gigabytes(totalmem())}, a guest takes ${DEFAULT_MEMORY} MiB`;
  if (freemem() > DEFAULT_MEMORY * MIB) return good('memory', detail);
  return lacking('memory', detail, 'end other programs, or give guests less with --memory');
}
