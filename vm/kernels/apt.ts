import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run, type Ran, type RunOptions } from './exec.ts';
import { aptFolder } from './paths.ts';
import { findKeyring, findSources, type Source } from './mirrors.ts';
import { KernelError, report, type KernelOptions } from './types.ts';

/*
 * An apt of our own: own state, cache, source list and configuration. The machine's apt is never changed, no root is needed,
 * and apt does what it does best: signatures, hashes, proxies, mirrors.
 */

/** Settings of the machine that tell how to reach the network; all others are for the machine's own packages. */
const CARRIED =
  /^Acquire::(https?|ftp|tor|socks5h?|Retries|ForceIPv[46]|Queue-Mode|Check-Valid-Until|Check-Date|M(ax|in)-ValidTime)\b/;

/**
 * Configuration of the private apt. Of the machine's configuration only what CARRIED names is taken over (proxies, retries),
 * so that its hooks do not run and its exceptions from verification do not hold here.
 * @param dump what `apt-config dump` prints
 */
export function privateConfig(folder: string, dump: string): string {
  const carried = dump.split('\n').filter((line) => CARRIED.test(line));
  return [
    ...carried,
    `Dir::State "${folder}/state";`,
    `Dir::State::status "${folder}/status";`,
    `Dir::Cache "${folder}/cache";`,
    // apt reads 80 MB of lists in 4 s, or its digest of them in none; one digest of 110 MB is enough.
    'Dir::Cache::srcpkgcache "";',
    `Dir::Etc::sourcelist "${folder}/sources.list";`,
    `Dir::Etc::sourceparts "${folder}/empty";`,
    `Dir::Etc::main "${folder}/empty/none";`,
    `Dir::Etc::parts "${folder}/empty";`,
    `Dir::Etc::preferences "${folder}/empty/none";`,
    `Dir::Etc::preferencesparts "${folder}/empty";`,
    'APT::Architecture "amd64";',
    'APT::Architectures { "amd64"; };',
    // A download user of apt's cannot enter the caller's cache folder.
    'APT::Sandbox::User "root";',
    'APT::Get::AllowUnauthenticated "false";',
    'Acquire::AllowInsecureRepositories "false";',
    'Acquire::AllowWeakRepositories "false";',
    'Acquire::AllowDowngradeToInsecureRepositories "false";',
    'Acquire::Languages "none";',
    'Acquire::GzipIndexes "true";',
    'Acquire::Retries "2";',
    '',
  ].join('\n');
}

/** Source list: each suite must be signed by the keyring. */
export function sourceList(sources: readonly Source[], keyring: string): string {
  return sources
    .map(({ uri, suite }) => `deb [arch=amd64 signed-by=${keyring}] ${uri} ${suite} main\n`)
    .join('');
}

/** Write the private apt's configuration. The caller holds the apt lock. */
export async function configureApt(): Promise<void> {
  const folder = aptFolder();
  const [sources, keyring, dump] = [
    await findSources(),
    await findKeyring(),
    await run('apt-config', ['dump']),
  ];
  for (const part of ['state/lists/partial', 'cache/archives/partial', 'empty'])
    await mkdir(join(folder, part), { recursive: true });
  await writeFile(join(folder, 'status'), '');
  await writeFile(join(folder, 'sources.list'), sourceList(sources, keyring));
  await writeFile(join(folder, 'apt.conf'), privateConfig(folder, dump.stdout));
}

/** Run one of apt's programs on the private state. */
export function apt(program: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return run(program, args, { ...options, env: { APT_CONFIG: join(aptFolder(), 'apt.conf') } });
}

/** A suite whose index could not be had, and why. */
export interface Refused {
  readonly what: string;
  readonly why: string;
}

/** Read `apt-get update`'s complaints: one per repository that failed. */
export function parseComplaints(stderr: string): Refused[] {
  const refused: Refused[] = [];
  for (const line of stderr.split('\n')) {
    const signature = /GPG error: (\S+ \S+) InRelease: (.*)/.exec(line);
    const missing = /The repository '(\S+ \S+) Release' (does not have a Release file|is not signed|.*)/.exec(
      line,
    );
    const failed = /Failed to fetch (\S+)\s+(.*)/.exec(line);
    // A mirror that stands still, or a clock that is wrong.
    const expired = /Release file for (\S+) (is (?:expired|not valid yet) \([^)]*\))/.exec(line);
    const match = signature ?? missing ?? failed ?? expired;
    if (match?.[1] === undefined || match[2] === undefined) continue;
    const what = match[1];
    const why =
      match === signature
        ? `its signature is not valid: ${match[2]}`
        : match === expired
          ? `its index ${match[2]}: the mirror stands still (Acquire::Check-Valid-Until in apt.conf allows that), or this machine's clock is wrong`
          : match[2];
    if (!refused.some((other) => other.what === what)) refused.push({ what, why });
  }
  return refused;
}

/**
 * Read the index of every suite; apt verifies each signature and uses nothing of a suite whose signature is wrong.
 * The caller holds the apt lock.
 * @throws KernelError (69) when no index at all could be had
 */
export async function updateIndex(options: KernelOptions): Promise<Refused[]> {
  await configureApt();
  report(options, 'index', "reading the index of Debian's suites");
  const ran = await apt('apt-get', ['update'], { signal: options.signal });
  const refused = parseComplaints(ran.stderr);
  for (const { what, why } of refused) report(options, 'note', `${what}: left out: ${why}`);
  const lists = await readdir(join(aptFolder(), 'state/lists'));
  if (lists.some((name) => /_Packages(\.|$)/.test(name))) return refused;
  throw new KernelError(
    69,
    `no package index could be read: ${refused.map(({ what, why }) => `${what}: ${why}`).join('; ') || ran.stderr}`,
    'check the network, the proxy in the apt configuration and the mirror; kernels in the cache can be used with --offline',
  );
}

/** Package files of the index that were verified, with their suite. */
export async function indexFiles(): Promise<{ file: string; suite: string }[]> {
  const ran = await apt('apt-get', [
    'indextargets',
    '--format',
    '$(FILENAME)|$(RELEASE)',
    'Created-By: Packages',
  ]);
  return ran.stdout.split('\n').flatMap((line) => {
    const [file, suite] = line.split('|');
    return file === undefined || suite === undefined ? [] : [{ file, suite }];
  });
}
