/** What a guest boots from besides the kernel package's own files: made once per kernel and kept in the cache. */
import { execFileSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { cacheRoot } from '../kernels/paths.ts';
import { charDevice, cpioArchive, file, folder, link } from './cpio.ts';
import { APPLETS, firstStage, MODULE_OPTIONS, SECOND_STAGE } from './init.ts';
import { bootModules } from './modules.ts';
import { preloadEntries } from './preload.ts';
import { uncompressedKernel } from './vmlinux.ts';

/** What a guest needs of a kernel (see resolveKernel). */
export interface BootKernel {
  readonly name: string;
  readonly image: string;
  /** Folder that contains lib/modules/`release`; null: everything is built in. */
  readonly modules: string | null;
  readonly release: string;
}

export interface BootFiles {
  readonly initramfs: string;
  /** The kernel as an ELF file that QEMU starts without its decompressor; the image itself where that cannot be had. */
  readonly kernel: string;
}

const initramfs = (kernel: BootKernel, busybox: string, preload: readonly string[]): Buffer => {
  const { first, files, dep } = bootModules(kernel.modules, kernel.release);
  const own = `lib/modules/${kernel.release}`;
  const modulesFolder = kernel.modules && join(kernel.modules, 'lib/modules', kernel.release);
  return cpioArchive([
    ...['bin', 'dev', 'etc', 'proc', 'host', 'upper', 'root', 'lib', 'lib/modules', own].map(folder),
    charDevice('dev/console', 5, 1),
    charDevice('dev/null', 1, 3),
    file('bin/busybox', readFileSync(busybox)),
    ...APPLETS.map((applet) => link(`bin/${applet}`, 'busybox')),
    ...files.map(({ file: name, data }) => file(`${own}/${name}`, data)),
    file(`${own}/modules.dep`, dep),
    file('etc/modprobe.conf', MODULE_OPTIONS),
    ...preloadEntries(preload),
    file('init', firstStage(modulesFolder, first)),
    file('second-stage', SECOND_STAGE),
  ]);
};

/** Raised whenever the files are put together in another way. */
const LAYOUT = 3;

/** Changes whenever anything changes that goes into the files. */
const keyOf = (kernel: BootKernel, busybox: string, preload: readonly string[]): string => {
  const stamp = (path: string): string => {
    const { size, mtimeMs } = statSync(path);
    return `${path} ${size} ${mtimeMs}`;
  };
  const dep = kernel.modules && join(kernel.modules, 'lib/modules', kernel.release, 'modules.dep');
  const parts = [
    stamp(kernel.image),
    dep && existsSync(dep) ? stamp(dep) : 'no modules',
    ...[busybox, ...preload].map(stamp),
    firstStage(kernel.modules, []),
    SECOND_STAGE,
    LAYOUT,
  ];
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 16);
};

/** Whole or not at all, also when two runs write the same file at once. */
const writeWhole = (path: string, data: Buffer): void => {
  const fresh = `${path}.${randomUUID()}`;
  writeFileSync(fresh, data);
  renameSync(fresh, path);
};

/** Unused boot files are removed after this time, in ms: a new Node or kernel leaves 160 MB of old ones behind. */
const KEEP_MS = 7 * 24 * 3600 * 1000;

const removeUnused = (store: string, now: number): void => {
  for (const name of readdirSync(store)) {
    const folderPath = join(store, name);
    if (now - statSync(folderPath).mtimeMs > KEEP_MS) rmSync(folderPath, { recursive: true, force: true });
  }
};

/** Makes or finds the boot files of `kernel`; `preload` are files of the host that the guest is to have at hand. */
export const bootFiles = (kernel: BootKernel, busybox: string, preload: readonly string[]): BootFiles => {
  const store = join(cacheRoot(), 'boot');
  const base = join(store, `${kernel.release}_${keyOf(kernel, busybox, preload)}`);
  const archive = join(base, 'initramfs.cpio');
  const elf = join(base, 'vmlinux');
  if (!existsSync(archive)) {
    mkdirSync(base, { recursive: true });
    const plain = uncompressedKernel(readFileSync(kernel.image));
    if (plain) writeWhole(elf, plain);
    // Last: its presence says that all is there.
    writeWhole(archive, initramfs(kernel, busybox, preload));
    removeUnused(store, Date.now());
  }
  const now = new Date();
  utimesSync(base, now, now);
  return { initramfs: archive, kernel: existsSync(elf) ? elf : kernel.image };
};

/** Names that a statically linked busybox may have on a machine. */
export const BUSYBOXES = ['busybox-static', 'busybox.static', 'busybox'] as const;

/** A statically linked busybox among `candidates` (paths or names on the PATH); null when there is none. */
export const findBusybox = (candidates: readonly (string | null)[], path: string): string | null => {
  const paths = candidates
    .filter((candidate) => candidate !== null)
    .flatMap((name) => (name.includes('/') ? [name] : path.split(':').map((dir) => join(dir, name))));
  return paths.find((candidate) => existsSync(candidate) && isStatic(candidate)) ?? null;
};

const isStatic = (path: string): boolean => {
  try {
    return /statically linked|static-pie/.test(execFileSync('file', ['-bL', path], { encoding: 'utf8' }));
  } catch {
    return false;
  }
};
