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
 * (linux-binary-*, linux-modules-*, linux-base-*) the others of the same version are taken from the same folder.
 * @throws KernelError (65) when it is damaged or holds no kernel
 */
export async function resolvePackage(file: string, options: KernelOptions): Promise<Kernel> {
  await ensurePrograms(['depmod'], options);
  const parts = file.endsWith('.deb') ? await debParts(file) : [file];
  const rpmTool = file.endsWith('.rpm') ? await findRpmTool(file) : null;
  const packages = await Promise.all(
    parts.map(async (part) => ({ name: basename(part), version: '', sha256: await sha256(part) })),
  );
  const folder = storeFolder(basename(file), keyOf(packages.map((item) => item.sha256)));
  const stored = await ensureFolder(folder, options, async (fresh): Promise<StoredKernel> => {
    report(options, 'unpack', parts.map((part) => basename(part)).join(', '));
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

async function findRpmTool(file: string): Promise<'bsdtar' | 'rpm2cpio'> {
  if (await has('bsdtar')) return 'bsdtar';
  if ((await has('rpm2cpio')) && (await has('cpio'))) return 'rpm2cpio';
  throw new KernelError(
    69,
    `${file}: nothing to unpack RPM packages with`,
    'install with: apt-get install libarchive-tools (bsdtar), or rpm2cpio and cpio',
  );
}
