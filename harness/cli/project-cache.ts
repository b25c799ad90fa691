/**
 * Projects found good, by the content of their files: reading and checking 25 suites takes a second, and most runs read the
 * ones of the last run. Whatever is not right about an entry makes it as if it were not there.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheRoot } from '../../vm/kernels/paths.ts';
import { projectFiles, type Project, type ProjectOptions } from '../load/project.ts';
import { pack, unpack } from '../load/stored.ts';
import { root, toolVersion } from './version.ts';

/** Entries kept; each is a few MB. */
const KEEP = 8;
const DIGEST = 32;

/** What the project's content and all else that decides how it is read come to; null when that cannot be told. */
export function projectKey(options: ProjectOptions): string | null {
  try {
    const build = statSync(join(root, 'dist/.stamp'));
    const hash = createHash('sha256');
    const part = (text: string | Buffer): void => {
      hash.update(`${text.length} `).update(text);
    };
    // The working folder: places are shown relative to it.
    for (const text of [toolVersion, process.version, process.cwd(), `${build.mtimeMs} ${build.ino}`])
      part(text);
    for (const file of projectFiles(root, options)) {
      part(file);
      part(readFileSync(file));
    }
    return hash.digest('hex');
  } catch {
    return null;
  }
}

/** The project kept under a key, or null. */
export function recall(key: string): Project | null {
  try {
    const bytes = readFileSync(join(folder(), key));
    const content = bytes.subarray(DIGEST);
    return sha256(content).equals(bytes.subarray(0, DIGEST)) ? unpack(content) : null;
  } catch {
    return null;
  }
}

/** Keeps a project without problems; a cache that cannot be written costs time and nothing else. */
export function remember(key: string, project: Project): void {
  try {
    mkdirSync(folder(), { recursive: true });
    const content = pack(project);
    const fresh = join(folder(), `.new-${process.pid}`);
    writeFileSync(fresh, Buffer.concat([sha256(content), content]));
    renameSync(fresh, join(folder(), key));
    prune();
  } catch {
    // See above.
  }
}

function prune(): void {
  const entries = readdirSync(folder()).map((name) => {
    const path = join(folder(), name);
    return { path, used: statSync(path).mtimeMs };
  });
  for (const { path } of entries.sort((a, b) => b.used - a.used).slice(KEEP)) rmSync(path, { force: true });
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

function folder(): string {
  return join(cacheRoot(), 'projects');
}
