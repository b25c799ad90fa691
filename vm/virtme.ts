import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BUSYBOXES, findBusybox } from './guest/boot-files.ts';
import { ensureFolder } from './kernels/cache-folder.ts';
import { downloadInto } from './kernels/download.ts';
import { run } from './kernels/exec.ts';
import { keyOf } from './kernels/hash.ts';
import { mayHaveMore, packageIndex, type Package } from './kernels/packages.ts';
import { toolStore } from './kernels/paths.ts';
import { KernelError, report, type KernelOptions } from './kernels/types.ts';
import { compareDebian } from './kernels/version.ts';
import { ensurePrograms, GUEST_PROGRAMS, toolPath } from './tools.ts';

/** It would be fetched if it were allowed. */
export class NotFetched extends KernelError {}

/** How to run virtme-ng. */
export interface VngCommand {
  /** Start of the command line: vng itself, by full path or name. */
  readonly argv: readonly string[];
  /** The lower-level program that vng calls; takes stable options and needs no shell. */
  readonly virtmeRun: readonly string[];
  /** To be merged into the environment of either. */
  readonly env: Readonly<Record<string, string>>;
  readonly version: string;
  /** A statically linked busybox for the guest's initramfs; null when there is none and none can be fetched. */
  readonly busybox: string | null;
}

/** Oldest version that is used when the machine has its own: 1.41 can run without a terminal (virtme-ng PR 426). */
const OLDEST = '1.41';

/**
 * What is unpacked: virtme-ng; the Python modules it imports with what those import; and a static busybox for the
 * initramfs, since installing Debian's would remove the dynamic one.
 */
const PACKAGES = [
  'virtme-ng',
  'busybox-static',
  'python3-argcomplete',
  'python3-requests',
  'python3-urllib3',
  'python3-idna',
  'python3-certifi',
  'python3-chardet',
  'python3-charset-normalizer',
  // Of Debian 12's urllib3.
  'python3-six',
];

/**
 * How to run virtme-ng and everything that it needs. The machine's own one is used when it is recent enough
 * (SEGPROOF_VNG names another); else Debian's newest package is unpacked into the cache and run from there, since Debian 12
 * has none, and installing a newer suite's package would mix suites on the user's machine.
 * @throws KernelError (69)
 */
export async function vngCommand(options: KernelOptions = {}): Promise<VngCommand> {
  const setting = ['PATH', 'SEGPROOF_VNG', 'XDG_CACHE_HOME']
    .map((name) => process.env[name] ?? '')
    .join('\n');
  if (found?.setting !== setting) found = { setting, command: await find(options) };
  return found.command;
}

/** What was found before, since each guest asks again; under another environment it does not count. */
let found: { readonly setting: string; readonly command: VngCommand } | null = null;

async function find(options: KernelOptions): Promise<VngCommand> {
  await ensurePrograms(GUEST_PROGRAMS, options);
  const named = process.env['SEGPROOF_VNG'];
  const own = await versionOf(named ?? 'vng');
  if (own !== null && (named !== undefined || compareDebian(own, OLDEST) >= 0)) {
    const virtmeRun = named?.includes('/') === true ? join(named, '../virtme-run') : 'virtme-run';
    const busybox = findBusybox(BUSYBOXES, toolPath) ?? (await busyboxFromCache(options));
    return { argv: [named ?? 'vng'], virtmeRun: [virtmeRun], env: { PATH: toolPath }, version: own, busybox };
  }
  if (named !== undefined) throw new KernelError(69, `SEGPROOF_VNG: ${named} does not run as virtme-ng`);
  return fromCache(options);
}

async function fromCache(options: KernelOptions): Promise<VngCommand> {
  const index = await packageIndex(options);
  const { packages, refused } = index;
  const codename = await hostCodename();
  const wanted = PACKAGES.flatMap((name) => {
    const best = choose(packages, name, name === 'virtme-ng' ? null : codename);
    return best === null ? [] : [best];
  });
  const virtme = wanted.find(({ name }) => name === 'virtme-ng');
  if (virtme === undefined || compareDebian(virtme.version, OLDEST) < 0) {
    if (mayHaveMore(index, options)) return fromCache({ ...options, refresh: true });
    throw new KernelError(
      69,
      `virtme-ng ${OLDEST} or newer is not installed, and no suite of the package index has it`,
      [
        ...refused.map(({ what, why }) => `${what} could not be read: ${why}`),
        'install virtme-ng (pip or your distribution), or name it by SEGPROOF_VNG',
      ].join('\n'),
    );
  }
  const key = keyOf(wanted.map(({ sha256 }) => sha256));
  const { folder } = await ensureFolder(join(toolStore(), `virtme-ng_${key}`), options, async (fresh) => {
    if (options.offline === true)
      throw new NotFetched(
        69,
        'virtme-ng is not in the cache',
        'run once while online, or: segproof doctor --fix',
      );
    await downloadInto(fresh, wanted, options, 'all');
    report(options, 'note', `virtme-ng ${virtme.version} (kept in the cache, not installed)`);
    await prove(fresh);
    return wanted.map(({ name, version, sha256, suite }) => ({ name, version, sha256, suite }));
  });
  return commandIn(folder, virtme.version.replace(/-[^-]*$/, ''));
}

function environment(folder: string): Record<string, string> {
  return {
    PATH: [join(folder, 'usr/bin'), join(folder, 'bin'), toolPath].join(':'),
    PYTHONPATH: join(folder, 'usr/lib/python3/dist-packages'),
  };
}

/** @throws KernelError (69) when the unpacked virtme-ng does not run with this machine's Python */
async function prove(folder: string): Promise<void> {
  const ran = await run(join(folder, 'usr/bin/vng'), ['--version'], { env: environment(folder) });
  if (ran.ok) return;
  const why = ran.stderr.split('\n').at(-1) ?? '';
  throw new KernelError(
    69,
    `virtme-ng does not run with this machine's /usr/bin/python3: ${why}`,
    'install virtme-ng itself, or name it by SEGPROOF_VNG',
  );
}

async function commandIn(folder: string, version: string): Promise<VngCommand> {
  const bin = join(folder, 'usr/bin');
  return {
    ...{ argv: [join(bin, 'vng')], virtmeRun: [join(bin, 'virtme-run')], env: environment(folder), version },
    busybox: await firstThere(busyboxesIn(folder)),
  };
}

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

/** Debian's, unpacked into the cache; null where it cannot be had. */
async function busyboxFromCache(options: KernelOptions): Promise<string | null> {
  try {
    const { packages } = await packageIndex(options);
    const best = choose(packages, 'busybox-static', await hostCodename());
    if (best === null) return null;
    const store = join(toolStore(), `busybox-static_${keyOf([best.sha256])}`);
    const { folder } = await ensureFolder(store, options, async (fresh) => {
      if (options.offline === true) throw new NotFetched(69, 'busybox-static is not in the cache');
      await downloadInto(fresh, [best], options, 'all');
      return [best.version];
    });
    return await firstThere(busyboxesIn(folder));
  } catch (cause) {
    if (cause instanceof KernelError) return null;
    throw cause;
  }
}

const busyboxesIn = (folder: string): readonly string[] =>
  ['bin/busybox', 'usr/bin/busybox'].map((path) => join(folder, path));

async function firstThere(files: readonly string[]): Promise<string | null> {
  for (const file of files) if (await exists(file)) return file;
  return null;
}

/** Version of the vng by this name, null when it is not there or does not run. */
async function versionOf(vng: string): Promise<string | null> {
  try {
    const { ok, stdout, stderr } = await run(vng, ['--version']);
    return ok ? (/(\d+\.\d+(?:\.\d+)?)/.exec(stdout + stderr)?.[1] ?? null) : null;
  } catch (cause) {
    if (cause instanceof KernelError) return null;
    throw cause;
  }
}

/** The newest package of a name; from the given suite (or its updates) if that has one. */
function choose(packages: readonly Package[], name: string, suite: string | null): Package | null {
  const all = packages.filter((item) => item.name === name);
  const here = all.filter((item) => suite !== null && item.suite.startsWith(suite));
  return (here.length > 0 ? here : all).sort((a, b) => compareDebian(b.version, a.version))[0] ?? null;
}

/** Debian codename of this machine, e.g. `bookworm`; null elsewhere. Its Python can run its own suite's modules. */
async function hostCodename(): Promise<string | null> {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '');
  return /^VERSION_CODENAME=(.+)$/m.exec(text)?.[1] ?? null;
}
