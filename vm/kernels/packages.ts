import { existsSync, readdirSync, statSync } from 'node:fs';
import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { apt, indexFiles, updateIndex, type Refused } from './apt.ts';
import { withLock } from './lock.ts';
import { aptFolder } from './paths.ts';
import { KernelError, report, type KernelOptions } from './types.ts';

/** One package of the signed index. */
export interface Package {
  readonly name: string;
  readonly version: string;
  readonly suite: string;
  /** Hexadecimal, from the signed index. */
  readonly sha256: string;
  /** Bytes of the .deb. */
  readonly size: number;
  /** KiB when unpacked. */
  readonly installedSize: number;
  readonly depends: string;
}

/** What the index has for us. */
export interface PackageIndex {
  /** User settings it was read under; under others it does not count. */
  readonly settings: string;
  readonly packages: readonly Package[];
  readonly refused: readonly Refused[];
  /** When, in ms since 1970. */
  readonly read: number;
}

/** An index younger than this is used as it is: kernels appear a few times a week. */
const FRESH_MS = 12 * 3600 * 1000;

/** Suites that were refused are not tried again sooner than this. */
const RETRY_MS = 60_000;

/** Where a user mends what refused a suite. */
const APT_CONFIGURATION = ['', 'apt.conf', 'apt.conf.d', 'sources.list', 'sources.list.d'];

/** When the apt whose configuration is in `folder` was last told something, in ms since 1970; 0: never. */
export function configured(folder = '/etc/apt'): number {
  const changed = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const times = APT_CONFIGURATION.flatMap((name) => {
    const path = join(folder, name);
    const inside = name.endsWith('.d') && existsSync(path) ? readdirSync(path) : [];
    return [changed(path), ...inside.map((file) => changed(join(path, file)))];
  });
  return Math.max(0, ...times);
}

/** Whether to read the index again for what it lacks: suites were refused, which may have been mended since. */
export function mayHaveMore({ refused, read }: PackageIndex, options: KernelOptions): boolean {
  const asked = options.refresh === true || options.offline === true;
  if (refused.length === 0 || asked) return false;
  return Date.now() - read > RETRY_MS || configured() > read;
}

/** Bumped when WANTED or the form of the stored index changes. */
const FORM = 6;

/** Kernels, and the tools that are run from the cache (vm/tools.ts). */
const WANTED =
  /^(linux-(image|binary|modules|base)-(unsigned-)?\d.*-amd64(-unsigned)?|virtme-ng|busybox-static|python3-(argcomplete|requests|urllib3|idna|certifi|chardet|charset-normalizer|six))$/;

/** Reads a Packages file (RFC 822-like stanzas with an empty line between) piece by piece. */
export class StanzaReader {
  readonly packages: Package[] = [];
  private rest = '';
  private readonly suite: string;
  constructor(suite: string) {
    this.suite = suite;
  }

  feed(text: string): void {
    const stanzas = (this.rest + text).split('\n\n');
    this.rest = stanzas.pop() ?? '';
    for (const stanza of stanzas) this.take(stanza);
  }

  end(): void {
    this.take(this.rest);
    this.rest = '';
  }

  private take(stanza: string): void {
    const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, 'm').exec(stanza)?.[1];
    const name = field('Package');
    if (name === undefined || !WANTED.test(name)) return;
    const [version, sha256] = [field('Version'), field('SHA256')];
    if (version === undefined || sha256 === undefined) return;
    const number = (key: string): number => Number(field(key) ?? 0);
    this.packages.push({
      ...{ name, version, sha256, suite: this.suite, depends: field('Depends') ?? '' },
      ...{ size: number('Size'), installedSize: number('Installed-Size') },
    });
  }
}

const stored = (): string => join(aptFolder(), `packages-${FORM}.json`);

const settings = (): string =>
  ['MIRROR', 'SECURITY_MIRROR', 'KEYRING']
    .map((name) => process.env[`SEGPROOF_DEBIAN_${name}`] ?? '')
    .join('|');

async function readStored(maxAge: number): Promise<PackageIndex | null> {
  try {
    if (Date.now() - (await stat(stored())).mtimeMs > maxAge) return null;
    const index = JSON.parse(await readFile(stored(), 'utf8')) as PackageIndex;
    return index.settings === settings() ? index : null;
  } catch {
    return null;
  }
}

async function readLists(): Promise<Package[]> {
  const packages: Package[] = [];
  for (const { file, suite } of await indexFiles()) {
    const reader = new StanzaReader(suite);
    await apt('/usr/lib/apt/apt-helper', ['cat-file', file], {
      onText: (text) => {
        reader.feed(text);
      },
    });
    reader.end();
    packages.push(...reader.packages);
  }
  return packages;
}

/** Run `work` while no other process uses the private apt. */
export const withApt = <T>(options: KernelOptions, work: () => Promise<T>): Promise<T> =>
  withLock(join(aptFolder(), 'lock'), "Debian's package index is in use", options, work);

/**
 * The packages we can use, from an index of at most 12 hours, or a new one. When a new one cannot be had the stored one
 * goes on serving, with a note.
 * @throws KernelError (69) when there is no index and none can be had
 */
export async function packageIndex(options: KernelOptions): Promise<PackageIndex> {
  const old = await readStored(Infinity);
  if (options.offline === true) {
    if (old !== null) return old;
    throw new KernelError(69, 'there is no package index yet', 'run once without --offline');
  }
  const current = options.refresh === true ? null : await readStored(FRESH_MS);
  if (current !== null) return current;
  const asked = Date.now();
  return withApt(options, async () => {
    const other = await readStored(Date.now() - asked);
    if (other !== null) return other;
    try {
      const refused = await updateIndex(options);
      const index: PackageIndex = {
        settings: settings(),
        packages: await readLists(),
        refused,
        read: Date.now(),
      };
      await writeFile(`${stored()}.new`, JSON.stringify(index));
      await rename(`${stored()}.new`, stored());
      return index;
    } catch (cause) {
      if (old === null || !(cause instanceof KernelError)) throw cause;
      report(options, 'note', `using the package index of an earlier day: ${cause.message}`);
      return old;
    }
  });
}
