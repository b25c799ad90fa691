/**
 * Files of the host that go into the initramfs because the agent's start maps them. Over 9p a mapped page costs a request
 * of its own on kernels before 5.17 (readahead came to 9p with netfs): node then takes 30 s to start under TCG.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { file, folder } from './cpio.ts';
import type { CpioEntry } from './cpio.ts';

/** Shared libraries of `program` by the host's own loader; none for a static one, a script, or without ldd. */
const librariesOf = (program: string): string[] => {
  try {
    const listed = execFileSync('ldd', [program], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return [...listed.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)].map(([, path = '']) => path);
  } catch {
    return [];
  }
};

/** Program and libraries of `command`, and `extra`, by their real paths (behind no symbolic link), without doubles. */
export const preloadFiles = (command: readonly string[], extra: readonly string[]): readonly string[] => {
  const [program = ''] = command;
  const own = program.startsWith('/') ? [program, ...librariesOf(program)] : [];
  return [...new Set([...own, ...extra].map((path) => realpathSync(path)))].sort();
};

/** `paths` below `preload` in the initramfs, with their folders, and a list of them. */
export const preloadEntries = (paths: readonly string[]): CpioEntry[] => {
  const folders = new Set<string>();
  for (const path of paths)
    for (let parent = dirname(path); parent !== '/'; parent = dirname(parent)) folders.add(parent);
  return [
    folder('preload'),
    ...[...folders].sort().map((path) => folder(`preload${path}`)),
    ...paths.map((path) => file(`preload${path}`, readFileSync(path))),
    file('preload.list', paths.map((path) => `${path}\n`).join(''), 0o644),
  ];
};
