import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ensurePrograms } from '../tools.ts';
import { ensureFolder } from './cache-folder.ts';
import { has, run } from './exec.ts';
import { keyOf, sha256 } from './hash.ts';
import { storeFolder, type StoredKernel } from './store.ts';
import { arrange } from './tree.ts';
import { kernelOf } from './stored.ts';
import { KernelError, report, type Kernel, type KernelOptions } from './types.ts';
import { unpackDeb, unpackRpm } from './unpack.ts';

/**
 * A kernel from a package file, unpacked into the store under the hash of its content. Of a split Debian package
 * (linux-binary-*, linux-modules-*, linux-base-*) or of a set of RPM packages the others of the same version are taken from the same folder.
 * @throws KernelError (65) when it is damaged or holds no kernel
 */
export async function resolvePackage(file: string, options: KernelOptions): Promise<Kernel> {
  await ensurePrograms(['depmod'], options);
  const isRpm = file.endsWith('.rpm');
  const parts = isRpm ? await rpmParts(file) : await debParts(file);
  const rpmTool = isRpm ? await findRpmTool(options) : null;
  const packages = await Promise.all(
    parts.map(async (part) => ({ name: basename(part), version: '', sha256: await sha256(part) })),
  );
  const folder = storeFolder(basename(file), keyOf(packages.map((item) => item.sha256)));
  const stored = await ensureFolder(folder, options, async (fresh): Promise<StoredKernel> => {
    report(options, 'unpack', `unpacking ${parts.map((part) => basename(part)).join(', ')}`);
    for (const part of parts)
      if (rpmTool === null) await unpackDeb(part, fresh);
      else await unpackRpm(part, fresh, rpmTool);
    const { image, facts, hasModules } = await arrange(fresh, file, options);
    return {
      ...{ schema: 1, release: facts.release, upstream: facts.upstream, version: facts.version },
      ...{ banner: facts.banner, source: basename(file), origin: 'package', image, hasModules, packages },
      created: new Date().toISOString(),
    };
  });
  return kernelOf(stored, stored.about.release);
}

/**
 * The package files that make up the kernel that `file` is of.
 * @throws KernelError (65) when it is no package, or its counterparts are not beside it
 */
async function debParts(file: string): Promise<string[]> {
  const ran = await run('dpkg-deb', ['--field', file, 'Package', 'Version']);
  const name = /^Package: (.*)$/m.exec(ran.stdout)?.[1];
  const version = /^Version: (.*)$/m.exec(ran.stdout)?.[1];
  if (!ran.ok || name === undefined || version === undefined)
    throw new KernelError(
      65,
      `${file}: not a whole Debian package: ${ran.stderr}`,
      'download or build it again',
    );
  const split = /^linux-(?:binary(?:-unsigned)?|modules|base)-(\d.*)$/.exec(name);
  if (split?.[1] === undefined) return [file];
  const wanted = [`linux-(?:binary|binary-unsigned)`, 'linux-modules', 'linux-base'];
  const beside = await readdir(dirname(file));
  const release = split[1];
  return wanted.map((kind) => {
    const form = new RegExp(
      `^${kind}-${escape(release)}_${escape(version.replace(/^\d+:/, ''))}_\\w+\\.deb$`,
    );
    if (form.test(basename(file))) return file;
    const found = beside.find((other) => form.test(other.replaceAll('%3a', ':').replaceAll('%7e', '~')));
    if (found !== undefined) return join(dirname(file), found);
    throw new KernelError(
      65,
      `${file}: one of several packages that make up ${release}, and ${kind.replace(/\(.*\)/, 'linux-binary')}-${release} ${version} is not beside it`,
      'put linux-binary-*, linux-modules-* and linux-base-* of one version into one folder',
    );
  });
}

const escape = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** rpm2cpio where it is, else bsdtar, which is installed if it may be. */
async function findRpmTool(options: KernelOptions): Promise<'bsdtar' | 'rpm2cpio'> {
  if (!(await has('bsdtar')) && (await has('rpm2cpio')) && (await has('cpio'))) return 'rpm2cpio';
  await ensurePrograms(['bsdtar'], options);
  return 'bsdtar';
}

/**
 * The package files that make up the kernel that `file` is of. Fedora and its kin have the image in kernel-core (kernel-rt-core
 * …) and the modules in kernel-modules-core, kernel-modules and kernel-modules-extra; others have one package.
 * @throws KernelError (65) when the one with the image is not beside it
 */
async function rpmParts(file: string): Promise<string[]> {
  const part = /^(kernel(?:-[a-z\d]+)*?)-(?:modules(?:-(?:core|extra|internal))?|core)-(\d.*\.rpm)$/;
  const [, name, version] = part.exec(basename(file)) ?? [];
  if (name === undefined || version === undefined) return [file];
  const beside = (await readdir(dirname(file))).filter((other) => {
    const match = part.exec(other);
    return match?.[1] === name && match[2] === version;
  });
  if (beside.includes(`${name}-core-${version}`))
    return beside.sort().map((other) => join(dirname(file), other));
  throw new KernelError(
    65,
    `${file}: one of several packages that make up the kernel, and ${name}-core-${version} is not beside it`,
    `put ${name}-core, ${name}-modules-core and ${name}-modules of one version into one folder`,
  );
}
