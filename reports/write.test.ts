import { spawnSync } from 'node:child_process';
import { createWriteStream, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { createView } from './create.ts';
import { fakeRun } from './fixtures.ts';
import { Memory } from './golden.ts';
import { createResultsWriter, WriteError, writeAtomically } from './write.ts';

const events = fakeRun();
const here = fileURLToPath(new URL('.', import.meta.url));

/** Runs a module text under tsx; modules are found by their name beside this file. */
function script(text: string): string[] {
  return ['--import=tsx', '--input-type=module', '-e', text.replaceAll("'./", `'${here}`)];
}

test('both reports are in the folder afterwards and nothing else', async (t) => {
  const folder = join(t.testdir(), 'new', 'folder');
  const view = createResultsWriter(folder);
  for (const event of events) view.event(event);
  await view.close();
  t.strictSame(readdirSync(folder).sort(), ['results.json', 'results.tap']);
  const document = JSON.parse(readFileSync(join(folder, 'results.json'), 'utf8')) as { schema: string };
  t.equal(document.schema, 'segproof-results/1');
  t.match(readFileSync(join(folder, 'results.tap'), 'utf8'), /^TAP version 14\n/);
});

test('a file that cannot be replaced is an error with advice, and nothing is left behind', async (t) => {
  const folder = t.testdir({ blocked: { 'a-file': 'x' }, file: 'x' });
  await t.rejects(writeAtomically(join(folder, 'file', 'results.json'), 'x'), {
    name: 'WriteError',
    message: /cannot write .*results\.json: .*\((ENOTDIR|EEXIST)\)/,
    advice: /-o/,
  });
  await t.rejects(writeAtomically(join(folder, 'blocked'), 'x'), WriteError);
  t.strictSame(readdirSync(folder).sort(), ['blocked', 'file']);
});

test('a full disk gives a clear error and keeps the old file', (t) => {
  const folder = t.testdir({});
  const write = script(`
    import { writeAtomically } from './write.ts';
    const file = ${JSON.stringify(join(folder, 'results.json'))};
    await writeAtomically(file, 'old');
    try { await writeAtomically(file, 'x'.repeat(1_000_000)); }
    catch (error) { console.log(error.message); }
    console.log((await import('node:fs')).readFileSync(file, 'utf8'));
    console.log((await import('node:fs')).readdirSync(${JSON.stringify(folder)}).join());
  `);
  const shell = 'mount -t tmpfs -o size=64k none "$0" && exec "$@"';
  const run = spawnSync('unshare', ['-r', '-m', 'sh', '-c', shell, folder, process.execPath, ...write], {
    encoding: 'utf8',
  });
  if (run.status !== 0) t.pass('not tried', { skip: `a small tmpfs cannot be mounted here: ${run.stderr}` });
  else {
    const [message, text, files] = run.stdout.split('\n');
    t.match(message, /^cannot write .*results\.json: no space left on the device \(ENOSPC\)$/);
    t.equal(text, 'old');
    t.equal(files, 'results.json');
  }
  t.end();
});

test('a reader that goes away ends no view with an error', (t) => {
  // The others share their way to the stream with these.
  for (const format of ['human', 'tap', 'json']) {
    const command = script(`
      import { createView } from './create.ts';
      import { fakeRun } from './fixtures.ts';
      const view = createView('${format}', { out: process.stdout, err: process.stderr, colour: false,
        tty: false, columns: 80, verbose: true });
      for (const event of fakeRun()) view.event({ ...event, folder: 'f'.repeat(1_000_000) });
      await view.close();
    `);
    const run = spawnSync(
      'sh',
      ['-c', '{ "$@" 2>&3; echo "$?" >&4; } | true', 'sh', process.execPath, ...command],
      {
        stdio: ['ignore', 'pipe', 'inherit', 'pipe', 'pipe'],
        encoding: 'utf8',
      },
    );
    t.equal(run.output[4], '0\n', format);
    t.notMatch(run.output[3], 'EPIPE', format);
  }
  t.end();
});

test('a product that cannot be written is an error', async (t) => {
  const out = createWriteStream('/dev/full');
  const view = createView('json', {
    out,
    err: new Memory(),
    colour: false,
    tty: false,
    columns: 80,
    verbose: false,
  });
  for (const event of events) view.event(event);
  await t.rejects(view.close(), /cannot write the report: ENOSPC/);
});
