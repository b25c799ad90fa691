/** `segproof kernels list | fetch | prune | verify`. */
import { pruneKernels, verifyKernels } from '../../vm/kernels/maintain.ts';
import { listSeries, resolveKernel, type Series } from '../../vm/kernels/resolve.ts';
import { storedKernels } from '../../vm/kernels/store.ts';
import { EXIT, UserError } from './exit.ts';
import { toStderr } from './progress.ts';

export type KernelsVerb = 'list' | 'fetch' | 'prune' | 'verify';

export interface KernelsFlags {
  readonly all?: boolean;
  readonly damaged?: boolean;
  readonly refresh?: boolean;
  readonly offline?: boolean;
  readonly unverified?: boolean;
}

export function kernelsCommand(
  verb: KernelsVerb,
  specs: readonly string[],
  flags: KernelsFlags,
): Promise<number> {
  return { list, fetch: () => fetch(specs, flags), prune, verify }[verb](flags);
}

async function list(flags: KernelsFlags): Promise<number> {
  const offered = await listSeries({ ...toStderr, ...flags });
  for (const series of offered)
    if (flags.all === true) printAll(series);
    else printNewest(series);
  const others = (await storedKernels()).filter(({ about }) => about.origin !== 'debian');
  if (others.length > 0) print('\nCached from elsewhere:');
  for (const { about } of others) print(`  ${about.release.padEnd(28)}${about.source}`);
  return EXIT.ok;
}

function printNewest({ series, releases }: Series): void {
  const [newest, ...older] = releases;
  if (!newest) return;
  const cachedOlder = older.filter(({ cached }) => cached).map(({ release }) => release.upstream);
  const more = [
    newest.release.unlisted === null ? '' : 'modules from the pool',
    older.length === 0 ? '' : `${older.length} older`,
    cachedOlder.length === 0 ? '' : `cached: ${cachedOlder.join(', ')}`,
  ].filter((text) => text !== '');
  print(
    `${series.padEnd(8)}${newest.release.upstream.padEnd(14)}${(newest.cached ? 'cached' : '').padEnd(8)}${more.join(', ')}`,
  );
}

function printAll({ releases }: Series): void {
  for (const { release, cached } of releases)
    print(
      `${release.version.padEnd(22)}${release.release.padEnd(28)}${release.suite.padEnd(20)}${cached ? 'cached' : ''}`,
    );
}

async function fetch(specs: readonly string[], flags: KernelsFlags): Promise<number> {
  for (const spec of specs) {
    if (spec === 'running') throw new UserError(EXIT.usage, 'the running kernel needs no fetching');
    const kernel = await resolveKernel(spec, { ...toStderr, ...flags });
    print(`${kernel.name}\t${kernel.release}\t${kernel.image}`);
  }
  return EXIT.ok;
}

async function prune(flags: KernelsFlags): Promise<number> {
  if (flags.all === true && flags.damaged === true)
    throw new UserError(EXIT.usage, 'kernels prune: --all and --damaged exclude each other');
  const removed = await pruneKernels(
    flags.all === true ? 'none' : flags.damaged === true ? 'whole' : 'newest',
  );
  for (const folder of removed) print(`removed ${folder}`);
  print(`${removed.length} removed, ${(await storedKernels()).length} kept`);
  return EXIT.ok;
}

async function verify(): Promise<number> {
  const checked = await verifyKernels();
  for (const { about, damage } of checked) {
    const [shown, hidden] = [damage.slice(0, 3).join(', '), damage.length - 3];
    const state =
      damage.length === 0 ? 'whole' : `damaged: ${shown}${hidden > 0 ? ` and ${hidden} more` : ''}`;
    print(`${about.release}: ${state}${about.verified === false ? ', taken unverified' : ''}`);
  }
  if (checked.every(({ damage }) => damage.length === 0)) return EXIT.ok;
  process.stderr.write(
    'segproof: damaged kernels are fetched again after segproof kernels prune --damaged\n',
  );
  return EXIT.unexpected;
}

function print(line: string): void {
  process.stdout.write(`${line.trimEnd()}\n`);
}
