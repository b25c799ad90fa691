import { join } from 'node:path';
import { run, has, TOOL_PATH } from './kernels/exec.ts';
import { withLock } from './kernels/lock.ts';
import { cacheRoot } from './kernels/paths.ts';
import { KernelError, report, type KernelOptions } from './kernels/types.ts';

/** Programs of the machine that guests need, and the Debian package that has each. */
const PACKAGE_OF = {
  'qemu-system-x86_64': 'qemu-system-x86',
  // virtme-ng asks modprobe which modules an image needs; depmod writes the lists it reads.
  modprobe: 'kmod',
  depmod: 'kmod',
  // virtme-ng reads a kernel's version from what file(1) says.
  file: 'file',
  ip: 'iproute2',
  // Unpacks .rpm files.
  bsdtar: 'libarchive-tools',
  // virtme-ng's programs name this interpreter, whatever else is first on the PATH.
  '/usr/bin/python3': 'python3',
  // Unpack kernels and modules on the host, which guests under TCG do some seconds slower.
  xz: 'xz-utils',
  zstd: 'zstd',
} as const;

export type Program = keyof typeof PACKAGE_OF;

/** Without these no guest starts, nor is a kernel unpacked for one. */
export const GUEST_PROGRAMS = [
  'qemu-system-x86_64',
  'modprobe',
  'depmod',
  'file',
  'ip',
  '/usr/bin/python3',
] as const satisfies readonly Program[];

/** With these guests start sooner. They come along when others are installed, and are never asked for alone. */
const HELPFUL = ['xz', 'zstd'] as const satisfies readonly Program[];

/** Whether missing packages may be installed: as root, where apt is, and unless SEGPROOF_NO_INSTALL is set. */
export async function mayInstall(): Promise<boolean> {
  return (
    process.getuid?.() === 0 && (process.env['SEGPROOF_NO_INSTALL'] ?? '') === '' && (await has('apt-get'))
  );
}

/** Programs that guests need and that are not installed, with their packages. */
export async function missingPrograms(
  programs: readonly Program[] = Object.keys(PACKAGE_OF) as Program[],
): Promise<{ readonly program: Program; readonly package: string }[]> {
  const missing = [];
  for (const program of programs)
    if (!(await has(program))) missing.push({ program, package: PACKAGE_OF[program] });
  return missing;
}

/**
 * Make sure that programs of the machine are there; installs the packages of missing ones when it may, and says so.
 * @throws KernelError (69) naming what to install when it may not or cannot
 */
export async function ensurePrograms(programs: readonly Program[], options: KernelOptions): Promise<void> {
  const missing = await missingPrograms(programs);
  if (missing.length === 0) return;
  const along = missing.some(({ program }) => program === 'qemu-system-x86_64')
    ? await missingPrograms(HELPFUL)
    : [];
  const packages = [...new Set([...missing, ...along].map((item) => item.package))];
  const names = missing.map(({ program }) => program).join(', ');
  const advice = `install with: apt-get install --no-install-recommends ${packages.join(' ')}`;
  if (!(await mayInstall())) throw new KernelError(69, `not installed: ${names}`, advice);
  report(options, 'install', `installing ${packages.join(', ')} with apt-get (for ${names})`);
  const install = (): ReturnType<typeof run> =>
    run(
      'apt-get',
      [
        '-o',
        'DPkg::Lock::Timeout=300',
        'install',
        '-y',
        '--no-install-recommends',
        '--no-remove',
        ...packages,
      ],
      { env: { DEBIAN_FRONTEND: 'noninteractive' }, signal: options.signal },
    );
  // Of two runs at once, one would find the package lists locked: apt waits for dpkg's lock, but never for that one.
  const lock = join(cacheRoot(), 'install.lock');
  const ran = await withLock(lock, 'it installs packages', options, async () => {
    const first = await install();
    if (first.ok || !/Unable to locate package|no installation candidate|404/.test(first.stderr))
      return first;
    // An image with empty or old package lists: fetch them once.
    await run('apt-get', ['update'], { signal: options.signal });
    return install();
  });
  if (!ran.ok)
    throw new KernelError(69, `${packages.join(', ')}: cannot be installed: ${ran.stderr}`, advice);
}

/** Like ensurePrograms for one program, whose name to run it by is returned. */
export async function ensureProgram(program: Program, options: KernelOptions): Promise<string> {
  await ensurePrograms([program], options);
  return program;
}

/** PATH under which all of them are found; the sbin folders are not on an ordinary user's. */
export const toolPath = TOOL_PATH;
