import { stat } from 'node:fs/promises';
import { homedir, release as hostRelease } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { readImage } from './image.ts';
import { resolvePackage } from './package-file.ts';
import { modulesOfTree } from './tree-modules.ts';
import { hasModules, imagesIn } from './tree.ts';
import { KernelError, type Kernel, type KernelOptions } from './types.ts';

/** Where `make` puts the x86 boot image in a kernel tree. */
const BUILT = 'arch/x86/boot/bzImage';

/**
 * A kernel by path: an image, a kernel build tree, a folder with `boot/vmlinuz-*` and `lib/modules`, or a package.
 * @throws KernelError (65) when the path leads to nothing that is a kernel
 */
export async function resolvePath(path: string, options: KernelOptions): Promise<Kernel> {
  const file = resolve(path);
  const facts = await stat(file).catch(() => null);
  if (facts === null)
    throw new KernelError(
      65,
      `${path}: there is no such file or folder`,
      'a release is given without slashes: 6.12.95',
    );
  if (facts.isDirectory()) return resolveFolder(file, options);
  if (!facts.isFile()) throw new KernelError(65, `${path}: neither a file nor a folder`);
  if (/\.(deb|rpm)$/.test(file)) return resolvePackage(file, options);
  return fromImage(file, file.endsWith(`/${BUILT}`) ? file.slice(0, -BUILT.length - 1) : null, options);
}

async function resolveFolder(folder: string, options: KernelOptions): Promise<Kernel> {
  if (await isFile(join(folder, BUILT))) return fromImage(join(folder, BUILT), folder, options);
  const images = await imagesIn(folder);
  const [image] = images;
  if (image !== undefined && images.length === 1) return fromImage(join(folder, image), null, options);
  if (images.length > 1)
    throw new KernelError(
      65,
      `${folder}: several kernels in it: ${images.join(', ')}`,
      'give the path of one of them',
    );
  const source = await isFile(join(folder, 'Kbuild'));
  throw new KernelError(
    65,
    `${folder}: there is no kernel in it (neither ${BUILT} nor boot/vmlinuz-*)`,
    source ? 'it is a kernel tree that is not built: make bzImage modules' : '',
  );
}

/**
 * @param tree kernel tree that the image was built in; its modules are taken from where they were built
 */
async function fromImage(image: string, tree: string | null, options: KernelOptions): Promise<Kernel> {
  const facts = await readImage(image);
  const modules =
    (tree && (await modulesOfTree(tree, facts.release, options))) ??
    (await modulesBeside(image, facts.release));
  return {
    name: facts.release,
    image,
    modules,
    release: facts.release,
    version: facts.version,
    upstream: facts.upstream,
    description: `${facts.release} from ${tree ?? image}${modules === null ? ', without modules' : ''}`,
    origin: tree === null ? 'path' : 'tree',
  };
}

/**
 * The nearest folder above the image that has `lib/modules/<release>`, below the root or as the root itself. A user's home is
 * not searched past, so that a stray `lib/modules` of somebody else is not taken.
 */
async function modulesBeside(image: string, release: string): Promise<string | null> {
  for (let folder = dirname(image); ; folder = dirname(folder)) {
    for (const root of [folder, join(folder, 'usr')]) if (await hasModules(root, release)) return root;
    if (folder === '/' || folder === homedir()) return (await hasModules('/', release)) ? '/' : null;
  }
}

/**
 * The image this machine was booted from, to be booted again in a guest.
 * @throws KernelError (69) when it is not in /boot or not readable
 */
export async function resolveRunningImage(options: KernelOptions): Promise<Kernel> {
  const image = `/boot/vmlinuz-${hostRelease()}`;
  if (!(await isFile(image)))
    throw new KernelError(
      69,
      `the running kernel's image is not on this machine: ${image} does not exist`,
      'this is usual in containers and clouds; give the path of its image, or use --kernel running to test it in place',
    );
  try {
    const kernel = await fromImage(image, null, options);
    return { ...kernel, name: 'running-image', origin: 'running-image' };
  } catch (cause) {
    if (!(cause instanceof KernelError)) throw cause;
    throw new KernelError(69, cause.message, `as root: install -m 644 ${image} . and give that path`);
  }
}

async function isFile(file: string): Promise<boolean> {
  return (await stat(file).catch(() => null))?.isFile() ?? false;
}
