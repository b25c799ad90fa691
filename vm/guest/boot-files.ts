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
import { preloadEntries, standaloneEntries } from './preload.ts';
import type { Standalone } from './preload.ts';
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
  /** Where they are kept, and what else is made of them. */
  readonly folder: string;
}

/** What a guest is to have at hand besides its kernel. */
export interface Cargo {
  readonly busybox: string;
  /** Files of the host, by the names they have there. */
  readonly preload: readonly string[];
  /** null: the rest of the host's root is at hand too. */
  readonly standalone: Standalone | null;
}

const initramfs = (kernel: BootKernel, { busybox, preload, standalone }: Cargo): Buffer => {
  const { first, files, dep, alias } = bootModules(kernel.modules, kernel.release);
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
    file(`${own}/modules.alias`, alias),
    file('etc/modprobe.conf', MODULE_OPTIONS),
    ...preloadEntries(preload),
    ...(standalone ? standaloneEntries(standalone) : []),
    file('init', firstStage(modulesFolder, first)),
    file('second-stage', SECOND_STAGE),
  ]);
};

const bootStore = (): string => join(cacheRoot(), 'boot');

/** Raised whenever the files are put together in another way. */
const LAYOUT = 4;

/** Changes whenever anything changes that goes into the files. */
const keyOf = (kernel: BootKernel, { busybox, preload, standalone }: Cargo): string => {
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
  const hash = createHash('sha256').update(parts.join('\n'));
  // By content: copies of the same program share their guests.
  for (const { name, data } of standalone ? standaloneEntries(standalone) : [])
    hash.update(name).update(data ?? '');
  return hash.digest('hex').slice(0, 16);
};

/** Whole or not at all, also when two runs write the same file at once. */
const writeWhole = (path: string, data: Buffer): void => {
  const fresh = `${path}.${randomUUID()}`;
  writeFileSync(fresh, data);
  renameSync(fresh, path);
};

/**
 * Boot files are removed when nobody has used them for a week, or for an hour where there are newer ones of the same kernel: each
 * takes 160 MB, and as much again for each frozen guest. In ms.
 */
const KEEP_MS = 7 * 24 * 3600 * 1000;
const OUTDATED_MS = 3600 * 1000;
/** Of one kernel: another agent, Node or memory size may be in use by turns. */
const KEPT = 2;

const removeUnused = (store: string, now: number): void => {
  const newer = new Map<string, number>();
  const all = readdirSync(store)
    .map((name) => ({
      name,
      idle: now - (statSync(join(store, name), { throwIfNoEntry: false })?.mtimeMs ?? 0),
    }))
    .sort((a, b) => a.idle - b.idle);
  for (const { name, idle } of all) {
    const release = releaseOf(name);
    const before = newer.get(release) ?? 0;
    newer.set(release, before + 1);
    if (idle > (before < KEPT ? KEEP_MS : OUTDATED_MS))
      rmSync(join(store, name), { recursive: true, force: true });
  }
};

const releaseOf = (name: string): string => name.slice(0, name.lastIndexOf('_'));

/** Removes the boot files of all kernels but these, by their releases. */
export const pruneBootFiles = (releases: ReadonlySet<string>): void => {
  if (!existsSync(bootStore())) return;
  for (const name of readdirSync(bootStore()))
    if (!releases.has(releaseOf(name))) rmSync(join(bootStore(), name), { recursive: true, force: true });
};

/** Makes or finds the boot files of `kernel`. */
export const bootFiles = (kernel: BootKernel, cargo: Cargo): BootFiles => {
  const store = bootStore();
  const base = join(store, `${kernel.release}_${keyOf(kernel, cargo)}`);
  const archive = join(base, 'initramfs.cpio');
  const elf = join(base, 'vmlinux');
  if (!existsSync(archive)) {
    mkdirSync(base, { recursive: true });
    const plain = uncompressedKernel(readFileSync(kernel.image));
    if (plain) writeWhole(elf, plain);
    // Last: its presence says that all is there.
    writeWhole(archive, initramfs(kernel, cargo));
    removeUnused(store, Date.now());
  }
  const now = new Date();
  utimesSync(base, now, now);
  return { initramfs: archive, kernel: existsSync(elf) ? elf : kernel.image, folder: base };
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
