/** Modules of a kernel tree that was built and not installed, as a folder that modprobe and depmod understand. */
import { mkdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureProgram } from '../tools.ts';
import { run } from './exec.ts';
import { keyOf } from './hash.ts';
import { withLock } from './lock.ts';
import { treeStore } from './paths.ts';
import { hasModules } from './tree.ts';
import { KernelError, type KernelOptions } from './types.ts';

const ORDER = 'modules.order';

/** Paths of modules by modules.order: `drivers/net/dummy.o` since 6.4, `kernel/drivers/net/dummy.ko` or `….ko` before. */
export function modulePaths(order: string): string[] {
  return order
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replace(/^kernel\//, '').replace(/\.o$/, '.ko'));
}

/**
 * Folder that contains `lib/modules/<release>` with a link to the tree as its `kernel`, so that what is built anew counts at
 * once; null when the tree has no modules.
 * @throws KernelError (65) when its modules are not built, (69) when depmod fails
 */
export async function modulesOfTree(
  tree: string,
  release: string,
  options: KernelOptions,
): Promise<string | null> {
  const order = await readFile(join(tree, ORDER), 'utf8').catch(() => '');
  const paths = modulePaths(order);
  const [first] = paths;
  if (first === undefined) return null;
  const built = await stat(join(tree, first)).catch(() => null);
  if (built === null)
    throw new KernelError(65, `${tree}: its modules are not built: there is no ${first}`, 'make modules');
  const stamps = await Promise.all(
    [ORDER, 'Module.symvers', first].map(
      async (name) => (await stat(join(tree, name)).catch(() => null))?.mtimeMs ?? 0,
    ),
  );
  const root = join(treeStore(), `${release}_${keyOf([tree, ...stamps.map(String)])}`);
  await withLock(`${root}.lock`, `it prepares the modules of ${tree} too`, options, async () => {
    if (await hasModules(root, join(release, 'modules.dep'))) return;
    const base = join(root, 'lib/modules', release);
    await rm(root, { recursive: true, force: true });
    await mkdir(base, { recursive: true });
    await symlink(tree, join(base, 'kernel'));
    await writeFile(join(base, ORDER), paths.map((path) => `kernel/${path}\n`).join(''));
    for (const name of ['modules.builtin', 'modules.builtin.modinfo']) {
      const text = await readFile(join(tree, name)).catch(() => null);
      if (text !== null) await writeFile(join(base, name), text);
    }
    const depmod = await ensureProgram('depmod', options);
    const wanted = paths.map((path) => join(base, 'kernel', path));
    const ran = await run(depmod, ['-b', root, release, ...wanted], { signal: options.signal });
    if (!ran.ok) throw new KernelError(69, `${tree}: depmod: ${ran.stderr}`, 'make modules');
  });
  return root;
}
