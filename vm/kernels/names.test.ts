import fc from 'fast-check';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { readImage } from './image.ts';
import { parseSpec } from './spec.ts';
import { debianBanner, fakeImage } from './test-kernel.ts';
import { KernelError } from './types.ts';
import { compareDebian, compareSeries, seriesOf, upstreamOfBanner, upstreamOfDebian } from './version.ts';

void test('a Debian version names the upstream version it was built from', (t) => {
  const known = {
    '6.1.148-1': '6.1.148',
    '6.12.95-1': '6.12.95',
    '6.12.117-1~deb12u1': '6.12.117',
    '7.3~rc5-1~exp1': '7.3-rc5',
    '5.10.251-1': '5.10.251',
    '7.0.10-1~bpo13+1': '7.0.10',
    '7.0-1': '7.0',
    '1:6.1.4-1': '6.1.4',
  };
  for (const [version, upstream] of Object.entries(known))
    t.equal(upstreamOfDebian(version), upstream, version);
  for (const other of ['', 'x', '6', '6.x-1', '~rc1'])
    t.equal(upstreamOfDebian(other), null, `none in '${other}'`);
  t.equal(seriesOf('6.12.95'), '6.12');
  t.equal(seriesOf('7.3-rc5'), '7.3');
  t.end();
});

void test('Debian versions are ordered as dpkg orders them', (t) => {
  const ascending = [
    '5.10.262-1',
    '6.1.9-1',
    '6.1.148-1',
    '6.12.117-1~bpo12+1',
    '6.12.117-1~deb12u1',
    '6.12.117-1',
    '6.12.117-1+b1',
    '6.12.117-2',
    '7.3~rc5-1~exp1',
    '7.3~rc7-1~exp1',
    '7.3-1',
    '7.3.4-1~bpo13+1',
    '1:1.0-1',
  ];
  for (const [i, a] of ascending.entries())
    for (const [j, b] of ascending.entries())
      t.equal(Math.sign(compareDebian(a, b)), Math.sign(i - j), `${a} and ${b}`);
  t.strictSame(['6.2', '6.12', '5.10'].sort(compareSeries), ['5.10', '6.2', '6.12']);
  t.end();
});

void test('the order of versions is total: antisymmetric and reflexive for any text', (t) => {
  const version = fc.stringMatching(/^[0-9][0-9a-z.+~]{0,8}(-[0-9a-z.+~]{1,5})?$/);
  fc.assert(
    fc.property(version, version, (a, b) => {
      return compareDebian(a, a) === 0 && Math.sign(compareDebian(a, b)) === -Math.sign(compareDebian(b, a));
    }),
  );
  t.end();
});

void test('a banner tells the upstream version only where nothing but a developer suffix follows it', (t) => {
  t.equal(upstreamOfBanner('6.1.0-49-amd64', debianBanner('6.1.0-49-amd64', '6.1.174-1')), '6.1.174');
  t.equal(upstreamOfBanner('7.3-amd64', debianBanner('7.3-amd64', '7.3~rc7-1~exp1')), '7.3-rc7');
  for (const [release, upstream] of [
    ['6.12.3', '6.12.3'],
    ['7.4.0-rc2+', '7.4.0-rc2'],
    ['7.4.0-rc2-00017-gdeadbeef1234', '7.4.0-rc2'],
    ['6.12.3-dirty', '6.12.3'],
    ['6.8.0-45-generic', null],
    ['5.14.0-503.el9.x86_64', null],
    ['6.12.3-custom', null],
  ] as const)
    t.equal(upstreamOfBanner(release, `${release} (me@here) #1 SMP`), upstream, release);
  t.end();
});

void test('a --kernel argument is told by its form', (t) => {
  t.strictSame(parseSpec('6.12'), { kind: 'series', series: '6.12' });
  t.strictSame(parseSpec(' 6.10 '), { kind: 'series', series: '6.10' }, 'a zero at the end counts');
  t.strictSame(parseSpec('debian:6.12'), { kind: 'series', series: '6.12' });
  for (const text of [
    '6.12.95',
    '6.12.95-1',
    '6.1.0-49-amd64',
    '7.3~rc7-1~exp1',
    '7.3-rc7',
    '6.12.90+deb13.1-amd64',
  ])
    t.strictSame(parseSpec(text), { kind: 'release', text });
  for (const path of ['./6.12', '/boot/vmlinuz', '.', '..', 'a/b', 'linux.deb', 'kernel.rpm'])
    t.strictSame(parseSpec(path), { kind: 'path', path });
  t.strictSame(parseSpec('6.12-rt'), { kind: 'series', series: '6.12', flavour: 'rt' });
  t.strictSame(parseSpec('v6.6'), { kind: 'mainline', version: 'v6.6' });
  t.strictSame(parseSpec('running-image'), { kind: 'running-image' });
  t.end();
});

void test('a --kernel argument without meaning is refused with advice', (t) => {
  for (const [spec, what] of [
    [6.1, /number.*6\.10/],
    ['', /no kernel/],
    [null, /no kernel/],
    ['6.1\0', /no kernel/],
    ['foo', /neither a version nor a path/],
    ['debian:v6.6', /neither/],
    ['fedora:6.1', /no provider named fedora/],
    ['6', /neither/],
    ['-6.1', /neither/],
  ] as const)
    t.throws(() => parseSpec(spec), { name: 'KernelError', message: what, exitCode: 65, advice: /./ });
  fc.assert(
    fc.property(fc.anything(), (spec) => {
      try {
        return typeof parseSpec(spec).kind === 'string';
      } catch (error) {
        return error instanceof KernelError && error.exitCode === 65 && error.advice !== '';
      }
    }),
  );
  t.end();
});

void test('a boot image says which kernel it is, and any other file is refused', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'segproof-image-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const file = join(folder, 'vmlinuz');
  const banner = debianBanner('6.1.0-49-amd64', '6.1.174-1');
  await writeFile(file, fakeImage(banner));
  const facts = { release: '6.1.0-49-amd64', version: '6.1.174-1', upstream: '6.1.174', banner };
  t.strictSame(await readImage(file), facts);
  const refused = async (content: Buffer, message: RegExp): Promise<void> => {
    await writeFile(file, content);
    await t.rejects(readImage(file), { name: 'KernelError', exitCode: 65, message, advice: /bzImage/ });
  };
  await refused(Buffer.alloc(0), /not a kernel image/);
  await refused(Buffer.from('\x7fELF'), /not a kernel image/);
  await refused(fakeImage(banner).subarray(0, 0x1000), /cut or damaged/);
  await refused(fakeImage('not a version'), /cut or damaged/);
  await refused(fakeImage('6'.repeat(100)), /cut or damaged/);
  await t.rejects(readImage(folder), { exitCode: 65, message: /folder/ });
  await t.rejects(readImage(join(folder, 'none')), { exitCode: 65, message: /ENOENT/ });
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 0x400 }),
      fc.uint8Array({ minLength: 2, maxLength: 2 }),
      async (noise, pointer) => {
        const image = fakeImage(banner);
        image.set(noise, 0x2000);
        image.set(pointer, 0x20e);
        await writeFile(file, image);
        return readImage(file).then(
          ({ release }) => /^\d+\.\d+/.test(release),
          (error: unknown) => error instanceof KernelError,
        );
      },
    ),
    { numRuns: 50 },
  );
});
