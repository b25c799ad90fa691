import { access } from 'node:fs/promises';
import { run } from './exec.ts';
import { KernelError } from './types.ts';

/** One line of an apt source list, before it is written. */
export interface Source {
  readonly uri: string;
  readonly suite: string;
}

/** Suites of Debian's main archive that carry kernels or virtme-ng; one that a mirror lacks is left out with a note. */
const MAIN_SUITES = [
  'bullseye',
  'bookworm',
  'bookworm-backports',
  'trixie',
  'trixie-backports',
  'sid',
  'experimental',
] as const;
const SECURITY_SUITES = ['bullseye-security', 'bookworm-security', 'trixie-security'] as const;

const KEYRINGS = [
  '/usr/share/keyrings/debian-archive-keyring.gpg',
  '/usr/share/keyrings/debian-archive-keyring.pgp',
];

/** What the machine's apt knows of one configured repository. */
interface Target {
  readonly uri: string;
  readonly suite: string;
  readonly component: string;
  /** From the repository's Release file; empty when it was never read. */
  readonly origin: string;
}

const TARGET_FORMAT = '$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)';

/** Parse what `apt-get indextargets` prints in TARGET_FORMAT; apt leaves a name it knows nothing of as `$(NAME)`. */
export function parseTargets(text: string): Target[] {
  return text.split('\n').flatMap((line) => {
    const [uri, suite, component, origin = ''] = line.trim().split('|');
    if (uri === undefined || suite === undefined || component === undefined) return [];
    return [{ uri, suite, component, origin: origin.startsWith('$(') ? '' : origin }];
  });
}

/**
 * Which suites to read from where. A repository of unknown origin is used too when its suite has one of Debian's names:
 * whether it is Debian's is then told by the signature.
 */
export function chooseSources(targets: readonly Target[]): Source[] {
  const debian = targets.filter(
    (target) => target.component === 'main' && (target.origin === 'Debian' || target.origin === ''),
  );
  const security = /(-security|\/updates)$/;
  const known =
    /^(oldoldstable|oldstable|stable|testing|unstable|experimental|rc-buggy|buster|bullseye|bookworm|trixie|forky|duke|sid)(-[a-z-]+)?$/;
  const uris = (wanted: (target: Target) => boolean): string[] => [
    ...new Set(
      debian
        .filter(wanted)
        .sort((a, b) => b.origin.length - a.origin.length)
        .map((target) => target.uri),
    ),
  ];
  const main = uris((target) => known.test(target.suite) && !security.test(target.suite));
  const secure = uris((target) => security.test(target.suite));
  return [
    ...main.flatMap((uri) => MAIN_SUITES.map((suite) => ({ uri, suite }))),
    ...secure.flatMap((uri) => SECURITY_SUITES.map((suite) => ({ uri, suite }))),
  ];
}

/** What this machine's apt is configured to read. */
async function configuredTargets(aptArgs: readonly string[]): Promise<Target[]> {
  const list = async (...more: string[]): Promise<Target[]> => {
    const wanted = ['indextargets', ...more, '--format', TARGET_FORMAT, 'Created-By: Packages'];
    const listed = await run('apt-get', [...aptArgs, ...wanted]);
    if (listed.ok) return parseTargets(listed.stdout);
    throw new KernelError(
      69,
      `this machine's apt configuration cannot be read: ${listed.stderr}`,
      'correct it (`apt-get update` shows the same) or set SEGPROOF_DEBIAN_MIRROR',
    );
  };
  // Only repositories that were read before have an origin, and only with this option are the others listed (as in a new
  // container, whose apt has read nothing yet).
  const [known, all] = [await list(), await list('--no-release-info')];
  const origins = new Map(known.map(({ uri, suite, origin }) => [`${uri} ${suite}`, origin]));
  return all.map((target) => ({ ...target, origin: origins.get(`${target.uri} ${target.suite}`) ?? '' }));
}

/**
 * Sources by the user's environment (SEGPROOF_DEBIAN_MIRROR, SEGPROOF_DEBIAN_SECURITY_MIRROR: addresses of archive roots,
 * several separated by blanks) or else by this machine's apt configuration, which apt itself reads, so that every format
 * and option of it counts.
 * @throws KernelError (69) when neither names a Debian archive
 */
export async function findSources(aptArgs: readonly string[] = []): Promise<Source[]> {
  const named = (name: string, suites: readonly string[]): Source[] =>
    (process.env[name] ?? '')
      .split(/\s+/)
      .filter((uri) => uri !== '')
      .flatMap((uri) => suites.map((suite) => ({ uri, suite })));
  const main = named('SEGPROOF_DEBIAN_MIRROR', MAIN_SUITES);
  const security = named('SEGPROOF_DEBIAN_SECURITY_MIRROR', SECURITY_SUITES);
  if (main.length + security.length > 0) return [...main, ...security];
  const sources = chooseSources(await configuredTargets(aptArgs));
  if (sources.length > 0) return sources;
  throw new KernelError(
    69,
    "no Debian archive to fetch kernels from: this machine's apt configuration names none",
    'set SEGPROOF_DEBIAN_MIRROR to the address of a Debian archive (and SEGPROOF_DEBIAN_SECURITY_MIRROR to that of its security archive), or give a kernel by path',
  );
}

/**
 * The keyring that every index must be signed with: SEGPROOF_DEBIAN_KEYRING or Debian's own.
 * @throws KernelError (69) when it is not installed
 */
export async function findKeyring(): Promise<string> {
  const own = process.env['SEGPROOF_DEBIAN_KEYRING'];
  for (const file of own === undefined ? KEYRINGS : [own])
    try {
      await access(file);
      return file;
    } catch {
      continue;
    }
  throw new KernelError(
    69,
    `no keyring to verify Debian's packages with: ${own ?? KEYRINGS.join(' or ')} is not readable`,
    'install debian-archive-keyring, or set SEGPROOF_DEBIAN_KEYRING',
  );
}
