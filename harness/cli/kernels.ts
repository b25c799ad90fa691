/** `segproof kernels list | fetch | prune | verify`. */
import { pruneKernels, verifyKernels } from '../../vm/kernels/maintain.ts';
import { listSeries, resolveKernel } from '../../vm/kernels/resolve.ts';
import { storedKernels } from '../../vm/kernels/store.ts';
import { EXIT, UserError } from './exit.ts';
import { toStderr } from './progress.ts';

export async function kernelsCommand(
  name: 'list' | 'fetch' | 'prune' | 'verify',
  specs: readonly string[],
): Promise<number> {
  if (name !== 'fetch' && specs.length > 0)
    throw new UserError(EXIT.usage, `kernels ${name} takes no kernels`);
  return { list, fetch: () => fetch(specs), prune, verify }[name]();
}

async function list(): Promise<number> {
  const offered = await listSeries(toStderr);
  for (const { series, releases } of offered) {
    const [newest, ...older] = releases;
    if (!newest) continue;
    const state = newest.cached ? 'cached' : '';
    const cachedOlder = older.filter(({ cached }) => cached).map(({ release }) => release.upstream);
    const more =
      older.length === 0
        ? ''
        : `${older.length} older${cachedOlder.length === 0 ? '' : `, cached: ${cachedOlder.join(', ')}`}`;
    print(`${series.padEnd(8)}${newest.release.upstream.padEnd(14)}${state.padEnd(8)}${more}`);
  }
  return EXIT.ok;
}

async function fetch(specs: readonly string[]): Promise<number> {
  for (const spec of specs) {
    const kernel = await resolveKernel(spec, toStderr);
    print(`${kernel.name}\t${kernel.release}\t${kernel.image}`);
  }
  return EXIT.ok;
}

async function prune(): Promise<number> {
  const removed = await pruneKernels('newest');
  for (const folder of removed) print(`removed ${folder}`);
  print(`${removed.length} removed, ${(await storedKernels()).length} kept`);
  return EXIT.ok;
}

async function verify(): Promise<number> {
  const checked = await verifyKernels();
  for (const { about, damage } of checked) {
    print(
      `${about.release}: ${damage.length === 0 ? 'whole' : `damaged: ${damage.slice(0, 3).join(', ')}${damage.length > 3 ? ` and ${damage.length - 3} more` : ''}`}`,
    );
  }
  return checked.every(({ damage }) => damage.length === 0) ? EXIT.ok : EXIT.unexpected;
}

function print(line: string): void {
  process.stdout.write(`${line.trimEnd()}\n`);
}
