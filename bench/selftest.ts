/**
 * The kernel's own test of UDP_SEGMENT, made ready to run in a guest that shows this machine's files: udpgso.sh and its
 * helper from Debian's kernel source, udpgso.c compiled by this machine's gcc, ethtool for the runs on a dummy device.
 * They are GPL, so they are fetched when a benchmark runs and kept in the cache, never in the project.
 */
import { copyFile, mkdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { downloadInto } from '../vm/kernels/download.ts';
import { run } from '../vm/kernels/exec.ts';
import { KernelError, type KernelOptions } from '../vm/kernels/types.ts';
import type { Package } from '../vm/kernels/packages.ts';
import { fromPackage, newestPackage } from './archive.ts';

export interface Selftest {
  /** Folder with udpgso.sh, in_netns.sh and the compiled udpgso. */
  readonly folder: string;
  /** Folders to put in front of the PATH, with colons between: ethtool is in sbin up to Debian 12. */
  readonly tools: string;
  /** Kernel source it came from, e.g. `linux-source-7.3 7.3.4-1`. */
  readonly source: string;
}

const NET = 'tools/testing/selftests/net';
/** What is taken from the source: the test's own files and the headers they name. */
const TAKEN = [
  `${NET}/udpgso.c`,
  `${NET}/udpgso.sh`,
  `${NET}/in_netns.sh`,
  'tools/testing/selftests/kselftest.h',
];
/** Bumped when TAKEN or the way it is compiled changes. */
const FORM = 1;

async function must(program: string, args: readonly string[], cwd: string): Promise<void> {
  const { ok, stderr } = await run(program, args, { cwd });
  if (!ok) throw new KernelError(69, `${program} failed: ${stderr.split('\n').slice(0, 5).join('; ')}`);
}

/** The whole source is a tarball in the package; only what is taken from it stays. */
async function takeFrom(item: Package, folder: string, options: KernelOptions): Promise<void> {
  const scratch = join(folder, '.source');
  await mkdir(scratch);
  await downloadInto(scratch, [item], options, 'all');
  const script = 'exec tar -xJf usr/src/linux-source-*.tar.xz --strip-components=1 --wildcards "$@"';
  await must('sh', ['-c', script, 'sh', ...TAKEN.map((path) => `*/${path}`)], scratch);
  for (const path of TAKEN) await copyFile(join(scratch, path), join(folder, basename(path)));
  await rm(scratch, { recursive: true });
  await must('gcc', ['-O2', '-o', 'udpgso', 'udpgso.c'], folder);
}

/** @throws KernelError (69) when the archive has no kernel source, or gcc is missing */
export async function selftest(options: KernelOptions): Promise<Selftest> {
  const item = await newestPackage(String.raw`linux-source-[7-9]\.\d+`, null, options);
  const folder = await fromPackage(item, FORM, options, (fresh) => takeFrom(item, fresh, options));
  const codename = /^VERSION_CODENAME=(.+)$/m.exec(await readFile('/etc/os-release', 'utf8'))?.[1] ?? null;
  const ethtool = await newestPackage('ethtool', codename, options);
  const tools = await fromPackage(ethtool, 1, options, (fresh) =>
    downloadInto(fresh, [ethtool], options, 'all'),
  );
  return {
    folder,
    tools: ['sbin', 'usr/sbin'].map((part) => join(tools, part)).join(':'),
    source: `${item.name} ${item.version}`,
  };
}
