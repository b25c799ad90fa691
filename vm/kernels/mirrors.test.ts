import { chmod, mkdir, mkdtemp, rm, symlink, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type Test } from 'tap';
import { parseComplaints, privateConfig, sourceList } from './apt.ts';
import { has } from './exec.ts';
import { chooseSources, findSources, parseTargets } from './mirrors.ts';
import { configured } from './packages.ts';
import { writeFiles } from './test-kernel.ts';

async function scratch(t: Test, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'segproof-mirrors-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  await writeFiles(folder, files);
  return folder;
}

void test(
  "the archive's address comes from the machine's apt, in either format",
  { skip: (await has('apt-get')) ? false : 'no apt' },
  async (t) => {
    const folder = await scratch(t, {
      'one-line/sources.list': [
        'deb [arch=amd64] http://mirror.example/debian bookworm main contrib',
        'deb-src http://mirror.example/debian bookworm main',
        'deb http://security.example/debian-security bookworm-security main',
        'deb http://vendor.example/apt nodistro main',
      ].join('\n'),
      'deb822/sources.list.d/debian.sources': [
        'Types: deb\nURIs: http://mirror.example/debian\nSuites: trixie trixie-updates\nComponents: main non-free\n',
        'Types: deb\nURIs: http://security.example/debian-security\nSuites: trixie-security\nComponents: main\n',
        'Types: deb\nURIs: http://off.example/debian\nSuites: trixie\nComponents: main\nEnabled: no\n',
      ].join('\n'),
      'none/sources.list': 'deb http://vendor.example/apt nodistro main\n',
    });
    for (const name of ['SEGPROOF_DEBIAN_MIRROR', 'SEGPROOF_DEBIAN_SECURITY_MIRROR']) process.env[name] = '';
    const args = (name: string): string[] =>
      [
        `Dir::Etc::sourcelist=${join(folder, name, 'sources.list')}`,
        `Dir::Etc::sourceparts=${join(folder, name, 'sources.list.d')}`,
        `Dir::State::lists=${join(folder, 'lists')}`,
      ].flatMap((option) => ['-o', option]);
    await mkdir(join(folder, 'lists/partial'), { recursive: true });
    await chmod(folder, 0o755);
    for (const format of ['one-line', 'deb822']) {
      const sources = await findSources(args(format));
      t.strictSame(
        [...new Set(sources.map(({ uri }) => uri))],
        ['http://mirror.example/debian/', 'http://security.example/debian-security/'],
        format,
      );
      for (const suite of ['bullseye-security', 'trixie-security'])
        t.match(sources.find((source) => source.suite === suite)?.uri, /security\.example/);
      t.match(sources.find((source) => source.suite === 'trixie-backports')?.uri, /mirror\.example/);
    }
    await t.rejects(findSources(args('none')), { name: 'KernelError', message: /no Debian archive/ });
  },
);

void test('repositories of others are not taken for the archive, and unknown origin is left to the signature', (t) => {
  const targets = parseTargets(
    [
      'http://vendor/apt/|bookworm|main|Vendor',
      'http://docker/apt/|bookworm|stable|$(ORIGIN)',
      'http://new/debian/|bookworm|main|$(ORIGIN)',
      'http://known/debian/|bookworm-updates|main|Debian',
      '',
    ].join('\n'),
  );
  t.strictSame(
    [...new Set(chooseSources(targets).map(({ uri }) => uri))],
    ['http://known/debian/', 'http://new/debian/'],
  );
  t.equal(
    sourceList([{ uri: 'http://m/debian', suite: 'sid' }], '/k.gpg'),
    'deb [arch=amd64 signed-by=/k.gpg] http://m/debian sid main\n',
  );
  t.end();
});

void test("the private apt takes the machine's proxies, and neither its hooks nor its exceptions", (t) => {
  const config = privateConfig(
    '/cache',
    [
      'Acquire::http::Proxy "http://proxy:3128";',
      'Acquire::AllowInsecureRepositories "1";',
      'APT::Get::AllowUnauthenticated "1";',
      'APT::Update::Post-Invoke:: "rm -rf /";',
      'Dir::State "/var/lib/apt";',
    ].join('\n'),
  );
  t.match(config, /proxy:3128/);
  t.notMatch(config, /"1"|rm -rf|var\/lib/);
  t.match(config, /AllowInsecureRepositories "false"/);
  t.end();
});

void test('what apt complains of names the repository and the reason', (t) => {
  const complaints = parseComplaints(
    [
      'W: GPG error: http://m/debian sid InRelease: The following signatures were invalid: BADSIG 1234 Key',
      "E: The repository 'http://m/debian sid InRelease' is not signed.",
      "E: The repository 'http://m/debian lenny Release' does not have a Release file.",
      'E: Failed to fetch http://m/debian/dists/x/InRelease  Could not resolve host',
      'N: Updating from such a repository is disabled.',
      'E: Release file for http://m/debian/dists/sid/InRelease is expired (invalid since 16d 9h). Updates for this repository will not be applied.',
    ].join('\n'),
  );
  t.match(complaints, [
    { what: 'http://m/debian sid', why: /signature.*BADSIG/ },
    { what: 'http://m/debian lenny', why: /Release file/ },
    { what: /dists\/x/, why: /resolve host/ },
    { what: /dists\/sid/, why: /is expired \(invalid since 16d 9h\).*Check-Valid-Until/ },
  ]);
  t.equal(complaints.length, 4);
  t.end();
});

void test('a change anywhere in the configuration of apt is noticed: what refused a suite may be mended', async (t) => {
  const folder = await scratch(t, {
    'sources.list.d/x.sources': '',
    'apt.conf.d/10proxy': '',
    'apt.conf': '',
  });
  await symlink('nowhere', join(folder, 'apt.conf.d/20gone'));
  const age = async (path: string, seconds: number): Promise<void> =>
    utimes(join(folder, path), seconds, seconds);
  const all = [
    '',
    'apt.conf',
    'apt.conf.d',
    'apt.conf.d/10proxy',
    'sources.list.d',
    'sources.list.d/x.sources',
  ];
  for (const path of all) await age(path, 1000);
  t.equal(configured(folder), 1_000_000);
  for (const [at, path] of all.entries()) {
    await age(path, 1001 + at);
    t.equal(configured(folder), (1001 + at) * 1000, path);
  }
  t.equal(configured(join(folder, 'none')), 0);
});
