import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { apt, configureApt } from './apt.ts';
import { sha256 } from './hash.ts';
import { withApt, type Package } from './packages.ts';
import { KernelError, report, type KernelOptions } from './types.ts';
import { unpackDeb, type Part } from './unpack.ts';

/** Bytes as people read them. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}

/** The archive does not give what the index says: the index may be out of date. */
export class NotServed extends KernelError {}

/**
 * Download packages and unpack them into `folder`. The .deb files lie in it meanwhile, so that what a cut-off leaves is in one
 * place and goes with it.
 * @throws KernelError (69)
 */
export async function downloadInto(
  folder: string,
  packages: readonly Package[],
  options: KernelOptions,
  part: Part = 'needed',
): Promise<void> {
  const debs = join(folder, '.debs');
  await mkdir(debs);
  const files = await download(packages, debs, options);
  report(options, 'unpack', `unpacking ${few(packages.map(({ name }) => name))}`);
  for (const file of files) await unpackDeb(file, folder, part);
  await rm(debs, { recursive: true });
}

/**
 * Download packages into `folder` through the private apt, which checks them against the signed index; the hash is checked
 * again here, since it is the key under which the content will be kept.
 * @returns paths of the .deb files in the order of `packages`
 * @throws KernelError (69)
 */
export async function download(
  packages: readonly Package[],
  folder: string,
  options: KernelOptions,
): Promise<string[]> {
  const bytes = packages.reduce((sum, { size }) => sum + size, 0);
  const names = packages.map(({ name, version }) => `${name} ${version}`);
  const what = names.join(', ');
  const message = `fetching ${few(names)} (${megabytes(bytes)})`;
  report(options, 'download', message);
  await withApt(options, async () => {
    await configureApt();
    const wanted = packages.map(({ name, version }) => `${name}=${version}`);
    const stop = follow(folder, bytes, message, options);
    const ran = await apt('apt-get', ['download', ...wanted], {
      cwd: folder,
      signal: options.signal,
    }).finally(stop);
    if (!ran.ok) throw new NotServed(69, `${what}: cannot be downloaded: ${reason(ran.stderr)}`, ADVICE);
  });
  const files = await hashes(folder);
  return packages.map(({ name, sha256: expected }) => {
    const file = files.get(expected);
    if (file !== undefined) return file;
    throw new NotServed(69, `${name}: what was downloaded is not what the signed index names`, ADVICE);
  });
}

/** Names that fit on a line. */
const few = (names: readonly string[]): string =>
  names.length <= 3 ? names.join(', ') : `${names[0] ?? ''} and ${names.length - 1} more`;

/** How often people are told how much has arrived, in ms. */
const FOLLOW_MS = 300;

/** Tells how much has arrived in `folder` until the function that it returns is called. */
function follow(folder: string, total: number, message: string, options: KernelOptions): () => void {
  const timer = setInterval(() => {
    void bytesIn(folder).then((done) => {
      report(options, 'download', message, { done: Math.min(done, total), total });
    });
  }, FOLLOW_MS);
  return () => {
    clearInterval(timer);
  };
}

async function bytesIn(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const sizes = names.map((name) =>
    stat(join(folder, name)).then(
      ({ size }) => size,
      () => 0,
    ),
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

const ADVICE =
  'the index may be out of date (`segproof kernels list --refresh` reads it again), or the network or the mirror is at fault';

/** The errors in what apt wrote; its warnings only when there are no errors. */
function reason(stderr: string): string {
  const lines = stderr.split('\n');
  const errors = lines.filter((line) => line.startsWith('E:'));
  return (errors.length > 0 ? errors : lines).map((line) => line.replace(/^[EW]: /, '')).join('; ');
}

async function hashes(folder: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const name of await readdir(folder)) {
    const file = join(folder, name);
    if (name.endsWith('.deb') && (await stat(file)).isFile()) found.set(await sha256(file), file);
  }
  return found;
}
