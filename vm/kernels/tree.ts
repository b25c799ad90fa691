import { access, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureProgram } from '../tools.ts';
import { run } from './exec.ts';
import { readImage, type ImageFacts } from './image.ts';
import { KernelError, type KernelOptions } from './types.ts';

const list = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);

/** Candidates for boot images in an unpacked tree, most usual place first. */
export async function imagesIn(folder: string): Promise<string[]> {
  const found = (await list(join(folder, 'boot')))
    .filter((name) => name.startsWith('vmlinuz-'))
    .map((name) => join('boot', name));
  for (const modules of ['lib/modules', 'usr/lib/modules'])
    for (const release of (await list(join(folder, modules))).sort())
      for (const name of ['vmlinuz', 'bzImage'])
        if ((await list(join(folder, modules, release))).includes(name))
          found.push(join(modules, release, name));
  return found;
}

/** True when `folder` holds `lib/modules/<release>`. */
export async function hasModules(folder: string, release: string): Promise<boolean> {
  return access(join(folder, 'lib/modules', release)).then(
    () => true,
    () => false,
  );
}

/**
 * Bring an unpacked package into the one form that everything else relies on: `boot/vmlinuz-<release>` and, if there are
 * modules, `lib/modules/<release>` with its dependency lists. (Debian's split packages have `usr/lib/modules`, and since 7.3
 * the image in it.)
 * @throws KernelError (65) when there is not exactly one kernel in it
 */
export async function arrange(
  folder: string,
  subject: string,
  options: KernelOptions,
): Promise<{ image: string; facts: ImageFacts; hasModules: boolean }> {
  const images = await imagesIn(folder);
  const [image] = images;
  if (image === undefined)
    throw new KernelError(
      65,
      `${subject}: there is no kernel image in it`,
      'since 6.19 Debian has the image in linux-binary-*, the modules in linux-modules-* and lists in linux-base-*: put them in one folder and give any of them',
    );
  if (images.length > 1) throw new KernelError(65, `${subject}: several kernels in it: ${images.join(', ')}`);
  const facts = await readImage(join(folder, image));
  const place = `boot/vmlinuz-${facts.release}`;
  await mkdir(join(folder, 'boot'), { recursive: true });
  await rename(join(folder, image), join(folder, place));
  await mergeUsr(folder);
  const modules = await hasModules(folder, facts.release);
  if (modules) await depmod(folder, facts.release, options);
  return { image: place, facts, hasModules: modules };
}

/** Move `usr/lib/modules/*` to `lib/modules`, joining folders that are in both. */
async function mergeUsr(folder: string): Promise<void> {
  for (const release of await list(join(folder, 'usr/lib/modules'))) {
    const [from, to] = [join(folder, 'usr/lib/modules', release), join(folder, 'lib/modules', release)];
    await mkdir(to, { recursive: true });
    for (const name of await list(from)) await rename(join(from, name), join(to, name));
  }
  await rm(join(folder, 'usr'), { recursive: true, force: true });
}

async function depmod(folder: string, release: string, options: KernelOptions): Promise<void> {
  const program = await ensureProgram('depmod', options);
  const ran = await run(program, ['-b', folder, release], { signal: options.signal });
  if (!ran.ok)
    throw new KernelError(
      69,
      `depmod ${release}: ${ran.stderr}`,
      'a module may be damaged: prune and fetch again',
    );
}
