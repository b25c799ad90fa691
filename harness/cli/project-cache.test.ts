import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { loadProject } from '../load/project.ts';
import { projectKey, recall, remember } from './project-cache.ts';
import { root } from './version.ts';

const home = t.testdir();
process.env['XDG_CACHE_HOME'] = home;
const folder = join(home, 'segproof/projects');
const project = loadProject(root);

t.test('what was kept comes back', (t) => {
  remember('a', project);
  t.equal(recall('a')?.suites.length, project.suites.length);
  t.equal(recall('b'), null);
  t.strictSame(readdirSync(folder), ['a'], 'nothing half-written is left');
  t.end();
});

t.test('a damaged or cut-off entry is as if it were not there', (t) => {
  const whole = readFileSync(join(folder, 'a'));
  const flipped = Buffer.from(whole);
  flipped.writeUInt8(flipped.readUInt8(4000) ^ 1, 4000);
  for (const bytes of [flipped, whole.subarray(0, 5000), Buffer.alloc(0)]) {
    writeFileSync(join(folder, 'a'), bytes);
    t.equal(recall('a'), null);
  }
  t.end();
});

t.test('only the newest entries are kept', (t) => {
  for (let i = 0; i < 12; i++) remember(`n${i}`, { ...project, suites: [] });
  t.equal(readdirSync(folder).length, 8);
  t.end();
});

t.test('a cache that cannot be written is no error', (t) => {
  rmSync(folder, { recursive: true });
  writeFileSync(folder, '');
  t.doesNotThrow(() => {
    remember('a', project);
  });
  rmSync(folder);
  t.end();
});

t.test('the key follows the content of every file', (t) => {
  const suites = t.testdir({ 'a.yaml': 'one' });
  mkdirSync(join(suites, 'more'));
  const keys = [projectKey({ suites: [suites] })];
  writeFileSync(join(suites, 'a.yaml'), 'two');
  keys.push(projectKey({ suites: [suites] }));
  writeFileSync(join(suites, 'more/b.yaml'), '');
  keys.push(projectKey({ suites: [suites] }));
  // Without a build nothing tells which code would read them: then nothing is kept.
  t.equal(new Set(keys).size, keys[0] === null ? 1 : 3);
  t.end();
});
