import fc from 'fast-check';
import { test } from 'tap';
import { compareVersions, parseVersion, stated, upstreamVersion, type Version } from './version.ts';

test('a kernel that names its upstream version is judged by it', (t) => {
  const cases: readonly (readonly [release: string, version: string, upstream: string | null])[] = [
    ['6.1.0-38-amd64', '#1 SMP PREEMPT_DYNAMIC Debian 6.1.148-1 (2025-08-26)', '6.1.148'],
    ['5.10.0-36-amd64', '#1 SMP Debian 5.10.251-1 (2026-02-10)', '5.10.251'],
    ['7.3-amd64', '#1 SMP PREEMPT_DYNAMIC Debian 7.3~rc5-1~exp1 (2026-09-28)', '7.3-rc5'],
    ['6.12.43+deb13-amd64', '#1 SMP PREEMPT_DYNAMIC Debian 6.12.43-1 (2025-08-27)', '6.12.43'],
    ['6.12.12+bpo-amd64', '#1 SMP PREEMPT_DYNAMIC Debian 6.12.12-1~bpo12+1 (2025-02-23)', '6.12.12'],
    ['7.3.4-amd64', '#1 SMP PREEMPT_DYNAMIC Debian 7.3.4-1', '7.3.4'],
    ['6.6.30', '#1 SMP Thu May 2 2024', '6.6.30'],
    ['6.8.0-rc3', '#7 SMP', '6.8-rc3'],
    ['6.8.0', '#7 SMP', '6.8'],
    ['6.14.0+', '#2 SMP PREEMPT_DYNAMIC', '6.14'],
    ['6.14.0-rc2-00012-g1234567abcde-dirty', '#2 SMP', '6.14-rc2'],
    ['6.14.0-g1234567', '#2 SMP', '6.14'],
    ['6.18.44-fc-v595', '#1 SMP', null],
    ['5.14.0-427.el9.x86_64', '#1 SMP PREEMPT_DYNAMIC', null],
    ['6.8.0-31-generic', '#31-Ubuntu SMP PREEMPT_DYNAMIC', null],
    ['5.15.167.4-microsoft-standard-WSL2', '#1 SMP', null],
    ['6.6.30-android15-8', '#1 SMP', null],
    ['next-20261120', '#1 SMP', null],
    ['', '', null],
  ];
  for (const [release, version, upstream] of cases)
    t.equal(upstreamVersion(release, version), upstream, `${release} ${version}`);
  t.end();
});

test('versions are in the order in which they were released', (t) => {
  const order = [
    '4.18',
    '5.10.235',
    '6.1.9',
    '6.1.10',
    '6.9-rc5',
    '6.9-rc10',
    '6.9',
    '6.9.1',
    '6.10',
    '6.14-rc2',
    '6.14',
    '7.0',
  ];
  const parsed = order.map((text): Version => parseVersion(text) ?? [0, 0, 0, 0]);
  for (const [i, a] of parsed.entries()) {
    for (const [j, b] of parsed.entries())
      t.equal(Math.sign(compareVersions(a, b)), Math.sign(i - j), `${order[i] ?? ''} and ${order[j] ?? ''}`);
  }
  for (const text of ['6', '6.', 'v6.1', '6.1.2.3', '6.1-rc', '6.1 ', '-6.1', '6.1-rc1-dirty', '9999.1'])
    t.equal(parseVersion(text), null, text);
  t.end();
});

const SMALL = {
  since: '6.14-rc2',
  stable: ['6.13.3', '6.12.14', '6.6.78', '6.1.129', '5.15.179', '5.10.235'],
  unsure: ['5.4'],
};

test('a behaviour is stated by mainline, by the stable series, or not at all', (t) => {
  const table = {
    '6.14-rc1': 'must-not-have',
    '6.14-rc2': 'must-have',
    '6.14': 'must-have',
    '7.3.4': 'must-have',
    '6.13.2': 'must-not-have',
    '6.13.3': 'must-have',
    '6.12.117': 'must-have',
    '6.11.11': 'must-not-have',
    '6.1.128': 'must-not-have',
    '6.1.192': 'must-have',
    '5.10.262': 'must-have',
    '5.4.300': 'unknown',
    '4.19.325': 'must-not-have',
  };
  for (const [version, expected] of Object.entries(table)) t.equal(stated(SMALL, version), expected, version);
  t.equal(stated(SMALL, null), 'unknown', 'no version');
  t.end();
});

test('a vendor has what the release has that it began with, and maybe more', (t) => {
  const lax = { since: '6.2-rc1', until: '6.6-rc7', until_stable: ['6.5.9'] };
  const table = [
    [SMALL, '6.18.44-vendor1', 'must-have'],
    [SMALL, '6.12.20-1.el10.x86_64', 'must-have'],
    [SMALL, '6.12.0-55.el10.x86_64', 'unknown'],
    [SMALL, '5.4.300-vendor1', 'unknown'],
    [SMALL, '6.8.0-31-generic', 'unknown'],
    [SMALL, 'next-20261120', 'unknown'],
    [lax, '6.8.0-31-generic', 'must-not-have'],
    [lax, '6.5.0-15-generic', 'unknown'],
    [lax, '6.1.99-vendor1', 'unknown'],
  ] as const;
  for (const [behaviour, release, expected] of table)
    t.equal(stated(behaviour, null, release), expected, `${release}, ${behaviour.since}`);
  t.equal(stated(SMALL, '6.14-rc1', '6.18.44-vendor1'), 'must-not-have', 'a version counts more');
  t.equal(stated(SMALL, 'next-20261120'), 'unknown', 'no version that can be compared');
  t.end();
});

test('a behaviour that went again is stated until then', (t) => {
  const gone = { since: '7.0-rc1', until: '7.1-rc5', until_stable: ['7.0.11'] };
  const table = {
    '6.18.54': 'must-not-have',
    '7.0': 'must-have',
    '7.0.10': 'must-have',
    '7.0.11': 'must-not-have',
    '7.1-rc4': 'must-have',
    '7.1': 'must-not-have',
  };
  for (const [version, expected] of Object.entries(table)) t.equal(stated(gone, version), expected, version);
  t.end();
});

test('within a stable series a behaviour that has come stays', (t) => {
  const series = fc.constantFrom('6.13', '6.12', '6.6', '6.1', '5.15', '5.10', '6.14', '7.0');
  fc.assert(
    fc.property(series, fc.nat(400), fc.nat(400), (name, a, b) => {
      const [low, high] = a < b ? [a, b] : [b, a];
      const had = stated(SMALL, `${name}.${low}`) === 'must-have';
      return !had || stated(SMALL, `${name}.${high}`) === 'must-have';
    }),
    { seed: 1 },
  );
  t.end();
});
