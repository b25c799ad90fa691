import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { test } from 'tap';
import { shellLine } from './command.ts';
import { Console } from './console.ts';
import { cpioArchive, file, folder, link } from './cpio.ts';
import type { CpioEntry } from './cpio.ts';
import { bootModules, loadingOrder } from './modules.ts';
import { inStandalone, preloadEntries, preloadFiles, scriptsOf, standaloneEntries } from './preload.ts';
import { uncompressedKernel } from './vmlinux.ts';

void test('every module is loaded after all that it needs', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.nat({ max: 11 }), { maxLength: 4 }), { minLength: 12, maxLength: 12 }),
      (edges) => {
        // Module n needs only lower ones, as in any real modules.dep; dependencies of dependencies are listed too.
        const closure: number[][] = [];
        edges.forEach((needs, n) => {
          const direct = needs.filter((need) => need < n);
          closure.push(
            [...new Set([...direct, ...direct.flatMap((need) => closure[need] as number[])])].sort(
              (a, b) => b - a,
            ),
          );
        });
        const path = (n: number): string => `kernel/m-${n}.ko.xz`;
        const dep = closure.map((needs, n) => `${path(n)}: ${needs.map(path).join(' ')}`).join('\n');
        const order = loadingOrder(dep, ['m_11', 'm_5', 'not_there']);
        t.equal(new Set(order).size, order.length, 'none twice');
        for (const [n, needs] of closure.entries())
          for (const need of needs)
            if (order.includes(path(n))) t.ok(order.indexOf(path(need)) < order.indexOf(path(n)));
      },
    ),
    { numRuns: 50 },
  );
  t.end();
});

void test('the initramfs gets a modules.dep of its own, with the modules unpacked and those of the root named first', (t) => {
  const base = t.testdir({ 'lib/modules/1.0': {} });
  const modules = join(base, 'lib/modules/1.0');
  const contents = {
    'fs/9p.ko.gz': '9p',
    'net/9pnet.ko': 'net',
    'net/9pnet_virtio.ko': 'virtio',
    'net/veth.ko': 'veth',
  };
  for (const [path, text] of Object.entries(contents)) {
    mkdirSync(join(modules, dirname(path)), { recursive: true });
    writeFileSync(join(modules, path), path.endsWith('.gz') ? gzipSync(text) : text);
  }
  const dep = 'fs/9p.ko.gz: net/9pnet.ko\nnet/9pnet.ko:\nnet/9pnet_virtio.ko: net/9pnet.ko\nnet/veth.ko:\n';
  writeFileSync(join(modules, 'modules.dep'), dep);
  const made = bootModules(base, '1.0');
  t.same(made.first, ['9pnet_virtio', '9p']);
  t.same(Object.fromEntries(made.files.map(({ file: name, data }) => [name, data.toString()])), {
    '9pnet.ko': 'net',
    '9pnet_virtio.ko': 'virtio',
    '9p.ko': '9p',
    'veth.ko': 'veth',
  });
  t.equal(made.dep, '9pnet.ko:\n9pnet_virtio.ko: 9pnet.ko\n9p.ko: 9pnet.ko\nveth.ko:\n');
  t.same(bootModules(null, '1.0'), { first: [], files: [], dep: '', alias: '' }, 'all built in');
  t.end();
});

void test('an archive is aligned, begins with the magic number and ends with the trailer', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.stringMatching(/^[a-z]{1,20}$/), fc.uint8Array({ maxLength: 50 }))),
      (files) => {
        const archive = cpioArchive(files.map(([name, data]) => file(name, Buffer.from(data))));
        t.equal(archive.length % 4, 0);
        t.equal(archive.toString('latin1', 0, 6), '070701');
        t.ok(archive.includes('TRAILER!!!'));
      },
    ),
    { numRuns: 50 },
  );
  t.end();
});

const hasCpio = ['/usr/bin/cpio', '/bin/cpio'].some((path) => existsSync(path));

void test(
  'cpio unpacks an archive to what was put in',
  { skip: !hasCpio && 'cpio is not installed' },
  (t) => {
    const into = t.testdir();
    const archive = cpioArchive([folder('a'), file('a/b', 'text'), link('a/c', 'b')]);
    execFileSync('cpio', ['-i', '--quiet'], { cwd: into, input: archive });
    t.equal(execFileSync('cat', ['a/c'], { cwd: into, encoding: 'utf8' }), 'text');
    t.end();
  },
);

void test('words survive the shell as they are', (t) => {
  fc.assert(
    fc.property(
      fc.array(
        fc.string().filter((word) => !word.includes('\0')),
        { minLength: 1 },
      ),
      (words) => {
        const script = `printf '%s\\0' ${shellLine(words)}`;
        const printed = execFileSync('sh', ['-c', script], { encoding: 'utf8' });
        t.strictSame(
          printed.split('\0').slice(0, -1),
          words.map((word) => Buffer.from(word).toString()),
        );
      },
    ),
    { numRuns: 60 },
  );
  t.end();
});

void test('bytes that are no kernel yield no kernel', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), fc.boolean(), (bytes, signed) => {
      const image = Buffer.concat([Buffer.from(bytes), Buffer.alloc(0x300)]);
      if (signed) image.write('HdrS', 0x202);
      t.equal(uncompressedKernel(image), null);
    }),
  );
  t.end();
});

void test('the libraries of a program come along, by their real paths, with their folders before them', (t) => {
  const files = preloadFiles([process.execPath, 'x.js']).map((path) => realpathSync(path));
  t.ok(files.some((path) => path.includes('libc')));
  const names = preloadEntries(files).map(({ name }) => name);
  for (const path of files)
    t.ok(names.indexOf(`preload${path.replace(/\/[^/]*$/, '')}`) < names.indexOf(`preload${path}`));
  t.end();
});

void test('scripts that a distribution took out of node are found by the names in its library', (t) => {
  const folder = t.testdir({ 'undici-fetch.js': '', 'not.json': '' });
  const there = join(folder, 'undici-fetch.js');
  const strings = [
    there,
    join(folder, 'gone.js'),
    'internal/deps/acorn.js',
    `see ${there}`,
    '/',
    there,
    'end',
  ];
  t.strictSame(scriptsOf(Buffer.from(`ELF${strings.join('\0')}.js`)), [there]);
  t.strictSame(scriptsOf(Buffer.from(`\0${there}`)), [], 'a string that does not end');
  t.end();
});

void test('a file that is asked for through symbolic links comes along with them', (t) => {
  const folder = t.testdir({
    real: { program: 'text' },
    way: t.fixture('symlink', 'real'),
    name: t.fixture('symlink', 'way/program'),
  });
  const entries = new Map(preloadEntries([join(folder, 'name')]).map((entry) => [entry.name, entry]));
  const at = (name: string): string | undefined => entries.get(`preload${folder}/${name}`)?.data?.toString();
  t.equal(at('name'), 'way/program');
  t.equal(at('way'), 'real');
  t.equal(at('real/program'), 'text');
  t.end();
});

void test("a guest without the host's root has the command's files by names of its own, wherever they are here", (t) => {
  const tree = (): Record<string, string | Record<string, string | Record<string, string>>> => ({
    dist: { 'a.js': 'a', deep: { 'b.js': 'b' } },
    other: 'x',
  });
  const folder = t.testdir({ one: tree(), two: tree() });
  const [one, two] = [join(folder, 'one'), join(folder, 'two')];
  const entries = (base: string): CpioEntry[] => standaloneEntries({ base, files: ['dist'] });
  t.strictSame(entries(one), entries(two));
  t.strictSame(
    entries(one).map(({ name }) => name),
    [
      ...['preload/segproof', 'preload/segproof/dist', 'preload/segproof/dist/deep'],
      ...['preload/segproof/dist/a.js', 'preload/segproof/dist/deep/b.js'],
    ],
  );
  t.strictSame(inStandalone(['node', `${one}/dist/a.js`, `${one}-not`], { base: one, files: [] }), [
    'node',
    '/segproof/dist/a.js',
    `${one}-not`,
  ]);
  t.end();
});

void test('a console tells how its guest ended', (t) => {
  const verdict = (text: string): string | null => {
    const log = new Console(t.testdir());
    log.append(Buffer.from(text));
    return log.verdict('6.12', true)?.trouble ?? null;
  };
  const ended = 'segproof: command ended with status';
  t.equal(verdict(`${ended} 0\r\n`), null);
  t.equal(verdict(`${ended} 137\r\n`), 'lost');
  t.equal(verdict(''), 'lost');
  t.equal(verdict('segproof: boot failed: no 9p'), 'unavailable');
  t.equal(verdict('[    9.1] Kernel panic - not syncing: sysrq triggered crash\r\n'), 'crash');
  t.equal(verdict('[    9.1] BUG: kernel NULL pointer dereference, address: 0\r\n'), 'crash');
  t.equal(verdict('[    9.1] Oops: Oops: 0002 [#1] PREEMPT SMP\r\n'), 'crash');
  t.equal(verdict('[    9.1] watchdog: BUG: soft lockup - CPU#0 stuck for 61s!\r\n'), 'crash');
  t.equal(
    verdict(`[    9.1] Kernel panic - not syncing: x\r\n${ended} 0\r\n`),
    'crash',
    'a crash counts, whatever was said later',
  );
  t.equal(verdict(`the program mentions a bug: none\r\n${ended} 0`), null);
  t.end();
});
