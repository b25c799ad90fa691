import { execa } from 'execa';
import { createHash } from 'node:crypto';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { buildDeb, type DebSpec } from './test-kernel.ts';

/** A signed package archive in a folder, which apt can read by a `file:` address. */
export interface TestArchive {
  readonly root: string;
  readonly uri: string;
  readonly keyring: string;
  /** Index of the archive's one suite, sid. */
  readonly packagesFile: string;
  readonly pool: string;
}

/** The archive in this folder. */
export function archiveAt(root: string, keyring: string): TestArchive {
  const packagesFile = join(root, 'dists/sid/main/binary-amd64/Packages');
  return { root, uri: `file:${root}`, keyring, packagesFile, pool: join(root, 'pool') };
}

const hash = (data: Buffer): string => createHash('sha256').update(data).digest('hex');

/** A key pair made for this test; returns its GnuPG home and exports its public part. */
export async function makeKeyring(folder: string, name: string): Promise<{ home: string; keyring: string }> {
  const home = join(folder, `gnupg-${name}`);
  await mkdir(home, { mode: 0o700, recursive: true });
  const keyring = join(folder, `${name}.gpg`);
  const gpg = (...args: string[]): ReturnType<typeof execa> =>
    execa('gpg', ['--homedir', home, '--batch', ...args]);
  await gpg('--passphrase', '', '--quick-gen-key', `${name}@example.org`, 'ed25519', 'sign', 'never');
  await gpg('--output', keyring, '--export');
  await execa('gpgconf', ['--homedir', home, '--kill', 'all']);
  return { home, keyring };
}

/** From now on this process fetches from `archive` alone, into a cache of its own in `folder`, and installs nothing. */
export function fetchOnlyFrom(folder: string, { uri, keyring }: Pick<TestArchive, 'uri' | 'keyring'>): void {
  Object.assign(process.env, {
    XDG_CACHE_HOME: join(folder, 'cache'),
    SEGPROOF_DEBIAN_MIRROR: uri,
    SEGPROOF_DEBIAN_SECURITY_MIRROR: '',
    SEGPROOF_DEBIAN_KEYRING: keyring,
    SEGPROOF_NO_INSTALL: '1',
  });
}

/** Build packages and an archive of one suite, sid, that serves them. */
export async function makeArchive(folder: string, specs: readonly DebSpec[]): Promise<TestArchive> {
  const { home, keyring } = await makeKeyring(folder, 'archive');
  const root = join(folder, 'archive');
  const dist = join(root, 'dists/sid');
  const pool = join(root, 'pool');
  await mkdir(join(dist, 'main/binary-amd64'), { recursive: true });
  await mkdir(pool);
  const stanzas: string[] = [];
  for (const spec of specs) {
    const deb = await buildDeb(pool, spec);
    stanzas.push(
      [
        ...[`Package: ${spec.name}`, `Version: ${spec.version}`, 'Architecture: amd64', 'Installed-Size: 10'],
        ...(spec.depends === undefined ? [] : [`Depends: ${spec.depends}`]),
        `Filename: pool/${basename(deb)}`,
        `Size: ${(await stat(deb)).size}`,
        `SHA256: ${hash(await readFile(deb))}`,
        'Description: stand-in\n',
      ].join('\n'),
    );
  }
  const packagesFile = join(dist, 'main/binary-amd64/Packages');
  await writeFile(packagesFile, stanzas.join('\n'));
  const index = await readFile(packagesFile);
  const release = [
    ...['Origin: Test', 'Suite: unstable', 'Codename: sid', `Date: ${new Date().toUTCString()}`],
    ...['Architectures: amd64', 'Components: main', 'SHA256:'],
    ` ${hash(index)} ${index.length} main/binary-amd64/Packages\n`,
  ].join('\n');
  await execa('gpg', ['--homedir', home, '--batch', '--clearsign', '--output', join(dist, 'InRelease')], {
    input: release,
  });
  return archiveAt(root, keyring);
}
