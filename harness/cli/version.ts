import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's root: suites, fixtures and package.json are found from here, both in sources and in dist. */
export const root = findRoot();

export const toolVersion: string = (
  JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
).version;

function findRoot(): string {
  const here = fileURLToPath(new URL('../..', import.meta.url));
  return here.endsWith('/dist/') ? join(here, '..') : here;
}
