import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { test, type Test } from 'tap';
import { damageOf, ensureFolder, openFolder } from './cache-folder.ts';
import { ifUnlocked, withLock } from './lock.ts';
import type { Progress } from './types.ts';
import { writeFiles } from './test-kernel.ts';

const scratch = async (t: Test): Promise<string> => {
  t.setTimeout(300_000);
  const folder = await mkdtemp(join(tmpdir(), 'segproof-cache-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
};

/** A process of its own that takes the lock, says so, and holds it until it is killed. */
const holder = (file: string): ChildProcessByStdio<null, Readable, null> =>
  spawn(
    process.execPath,
    [
      ...['--import', 'tsx', '--input-type=module', '-e'],
      `import { withLock } from ${JSON.stringify(new URL('./lock.ts', import.meta.url).href)};
       await withLock(process.argv[1], 'test', {}, async () => { console.log('mine'); await new Promise((r) => setTimeout(r, 1e9)); });`,
      file,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );

void test('a lock is held by one at a time and waiters are told', async (t) => {
  const file = join(await scratch(t), 'lock');
  const order: string[] = [];
  const work = (name: string) => async (): Promise<void> => {
    order.push(`${name} in`);
    await new Promise((resolve) => setImmediate(resolve));
    order.push(`${name} out`);
  };
  await Promise.all(['a', 'b', 'c'].map((name) => withLock(file, 'test', {}, work(name))));
  for (let i = 0; i < order.length; i += 2)
    t.equal(order[i]?.replace(' in', ' out'), order[i + 1], 'nobody enters before the other is out');
  await t.rejects(
    withLock(file, 'test', {}, () => Promise.reject(new Error('failed'))),
    /failed/,
  );
  await withLock(file, 'test', {}, work('free after a failure'));
});

void test('a process killed by SIGKILL leaves its lock free', async (t) => {
  const file = join(await scratch(t), 'lock');
  const child = holder(file);
  await once(child.stdout, 'data');
  let entered = false;
  await ifUnlocked(file, () => Promise.resolve(void (entered = true)));
  t.notOk(entered, 'held by the other process');
  const controller = new AbortController();
  const waiting = withLock(file, 'test', { signal: controller.signal }, () => Promise.resolve('never'));
  controller.abort();
  await t.rejects(waiting, { name: 'AbortError' }, 'waiting for it can be given up');
  const next = withLock(file, 'test', {}, () => Promise.resolve('mine now'));
  child.kill('SIGKILL');
  t.equal(await next, 'mine now');
});

void test('a cache folder is made once, whoever asks and however often', async (t) => {
  const folder = join(await scratch(t), 'entry');
  let made = 0;
  const fill = async (fresh: string): Promise<string> => {
    made++;
    await writeFiles(fresh, { 'boot/vmlinuz': 'image', 'lib/modules/1/a.ko': 'module' });
    return 'about it';
  };
  const all = await Promise.all([1, 2, 3].map(() => ensureFolder(folder, {}, fill)));
  t.strictSame(all, Array(3).fill({ folder, about: 'about it' }));
  t.equal(made, 1);
  t.strictSame(await damageOf(folder, 'content'), []);
});

void test('what is damaged is found, named and made anew', async (t) => {
  const folder = join(await scratch(t), 'entry');
  const fill = async (fresh: string): Promise<string> => {
    await writeFiles(fresh, { image: 'whole image', 'lib/a.ko': 'module' });
    return 'about';
  };
  const harm = {
    'a cut file': { work: () => truncate(join(folder, 'image'), 3), depth: 'sizes', says: /image: 3 bytes/ },
    'a lost file': { work: () => rm(join(folder, 'lib/a.ko')), depth: 'sizes', says: /a\.ko: missing/ },
    'a lost manifest': {
      work: () => rm(join(folder, '.segproof.json')),
      depth: 'sizes',
      says: /description/,
    },
    'a cut manifest': {
      work: () => truncate(join(folder, '.segproof.json'), 20),
      depth: 'sizes',
      says: /description/,
    },
  } as const;
  for (const [name, { work, depth, says }] of Object.entries(harm)) {
    await ensureFolder(folder, {}, fill);
    await work();
    t.match((await damageOf(folder, depth)).join(), says, name);
    t.equal(await openFolder(folder), null, `${name}: not used`);
    const notes: Progress[] = [];
    await ensureFolder(folder, { onProgress: (note) => notes.push(note) }, fill);
    t.match(notes, [{ stage: 'note', message: /damaged/ }], `${name}: people are told`);
    t.strictSame(await damageOf(folder, 'content'), [], `${name}: healed`);
  }
  await writeFile(join(folder, 'image'), 'other image');
  t.match((await damageOf(folder, 'content')).join(), /image: its content has changed/);
});

void test('a maker that fails or was cut off leaves nothing in the place of the entry', async (t) => {
  const root = await scratch(t);
  const folder = join(root, 'entry');
  const fail = async (fresh: string): Promise<never> => {
    await writeFile(join(fresh, 'half'), 'x');
    throw new Error('cut off');
  };
  await t.rejects(ensureFolder(folder, {}, fail), /cut off/);
  t.strictSame(await readdir(root), ['entry.lock']);
  await mkdir(join(root, 'entry.new-dead'));
  await ensureFolder(folder, {}, async (fresh) => {
    await writeFile(join(fresh, 'whole'), 'x');
    return 1;
  });
  t.strictSame(
    (await readdir(root)).sort(),
    ['entry', 'entry.lock'],
    'leftovers of a killed maker are removed',
  );
  t.equal(await readFile(join(folder, 'whole'), 'utf8'), 'x');
});
