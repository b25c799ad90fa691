import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import t from 'tap';
import { program } from './segproof.ts';

void t.test('the launcher refuses a Node.js that is too old, and takes one that is not', async (t) => {
  const folder = t.testdir();
  const node = join(folder, 'node');
  for (const [version, exit] of [
    ['v9.11.2', 69],
    ['v18.20.4', 69],
    ['v20.18.3', 69],
    ['v20.19.0', 0],
    ['v22.0.0', 0],
    ['nonsense', 69],
    ['', 69],
  ] as const) {
    writeFileSync(
      node,
      `#!/bin/sh\n[ "$1" = --version ] && { echo '${version}'; exit; }\nexec '${process.execPath}' "$@"\n`,
    );
    chmodSync(node, 0o755);
    const env = { PATH: `${folder}:${process.env['PATH'] ?? ''}` };
    const { exitCode, stderr } = await execa(program, ['--version'], { env, reject: false });
    t.equal(exitCode, exit, version);
    if (exit !== 0) t.match(stderr, `Node.js 20.19 or newer is needed, found ${version || 'none'}.`);
  }
});
