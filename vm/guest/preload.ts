/**
 * Files of the host that go into the initramfs: what the agent's start maps. Over 9p a mapped page costs a request of its own on
 * kernels before 5.17 (readahead came to 9p with netfs): node then takes 30 s to start under TCG.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { file, folder, link } from './cpio.ts';
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

const SCRIPT = Buffer.from('.js\0');

/**
 * Parts of node that some distributions (Debian 13, Fedora) ship as scripts by themselves; node ends at once where one is missing. Their
 * absolute names are C strings in its library (node's configure --shared-builtin-undici/undici-path and others).
 */
export const scriptsOf = (library: Buffer): string[] => {
  const names = new Set<string>();
  for (let at = library.indexOf(SCRIPT); at >= 0; at = library.indexOf(SCRIPT, at + 1)) {
    const name = library.toString('latin1', library.lastIndexOf(0, at) + 1, at + SCRIPT.length - 1);
    if (/^\/[\w@./+-]+$/.test(name) && existsSync(name)) names.add(name);
  }
  return [...names];
};

/** Program, libraries and scripts of `command`, by the names they are asked for, without doubles. */
export const preloadFiles = ([program = '']: readonly string[]): readonly string[] => {
  if (!program.startsWith('/')) return [];
  const libraries = librariesOf(program);
  const node = libraries.filter((path) => basename(path).startsWith('libnode.so'));
  const scripts = node.flatMap((path) => scriptsOf(readFileSync(path)));
  return [...new Set([program, ...libraries, ...scripts])].sort();
};

/** What a guest has in place of the host's root. */
export interface Standalone {
  /** Folder that the command's own files are in; the guest has it by the name {@link BASE}. */
  readonly base: string;
  /** Files and folders below it that the command needs. */
  readonly files: readonly string[];
}

/** Wherever it is installed on the host: guests of two copies are alike. */
const BASE = '/segproof';

/** The command as such a guest runs it. */
export const inStandalone = (command: readonly string[], { base }: Standalone): readonly string[] =>
  command.map((word) => (word.startsWith(`${base}/`) ? BASE + word.slice(base.length) : word));

/** Files below a path: the file itself, or all in a folder. */
const filesIn = (path: string): string[] =>
  statSync(path).isDirectory()
    ? readdirSync(path)
        .sort()
        .flatMap((name) => filesIn(join(path, name)))
    : [path];

/** Its files in the initramfs, folders first. */
export const standaloneEntries = ({ base, files }: Standalone): CpioEntry[] => {
  const all = files.flatMap((name) => filesIn(join(base, name)));
  const inside = (path: string): string => `preload${BASE}${path.slice(base.length)}`;
  const folders = new Set<string>();
  for (const path of all)
    for (let parent = dirname(inside(path)); parent !== 'preload'; parent = dirname(parent))
      folders.add(parent);
  return [...[...folders].sort().map(folder), ...all.map((path) => file(inside(path), readFileSync(path)))];
};

/** What of the host's tree a path leads through: folders, symbolic links with their targets, the file. */
interface Way {
  readonly folders: Set<string>;
  readonly links: Map<string, string>;
  readonly files: Set<string>;
}

const walk = (path: string, way: Way): void => {
  const parts = path.split('/').filter((part) => part !== '');
  for (const i of parts.keys()) {
    const at = `/${parts.slice(0, i + 1).join('/')}`;
    const rest = parts.slice(i + 1);
    if (lstatSync(at).isSymbolicLink()) {
      const target = readlinkSync(at);
      way.links.set(at, target);
      walk(join(resolve(dirname(at), target), ...rest), way);
      return;
    }
    if (rest.length > 0) way.folders.add(at);
    else way.files.add(at);
  }
};

/** `paths` below `preload` in the initramfs, with the folders and symbolic links on the way to them, and a list of the files. */
export const preloadEntries = (paths: readonly string[]): CpioEntry[] => {
  const way: Way = { folders: new Set(), links: new Map(), files: new Set() };
  for (const path of paths) walk(path, way);
  const files = [...way.files].sort();
  return [
    folder('preload'),
    ...[...way.folders].sort().map((path) => folder(`preload${path}`)),
    ...[...way.links].sort().map(([path, target]) => link(`preload${path}`, target)),
    ...files.map((path) => file(`preload${path}`, readFileSync(path))),
    file('preload.list', files.map((path) => `${path}\n`).join(''), 0o644),
  ];
};
