/** Which modules a kernel must load before it can mount its root and talk to segproof, in loading order. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** By name; those that a kernel has built in are in no modules.dep and need no loading. */
const NEEDED = ['virtio_pci', 'virtio_console', '9pnet_virtio', '9p', 'overlay'];

/**
 * By name; what nearly every test of the network needs, each of which costs half a second under TCG when the kernel has to call
 * for it: modprobe has to be read over 9p, and the module to be unpacked. They are loaded beside the start of the command.
 */
const SOON = [
  'veth',
  'dummy',
  'ifb',
  'sch_fq',
  'sch_etf',
  'xfrm_user',
  'esp4',
  'esp6',
  'crypto_null',
  'authenc',
  'udp_tunnel',
  'ip6_udp_tunnel',
];

export interface Module {
  readonly name: string;
  /** File name to give it, `.ko` or, where the host cannot unpack it, still compressed. */
  readonly file: string;
  readonly data: Buffer;
}

const nameOf = (path: string): string =>
  basename(path)
    .replace(/\.ko.*$/, '')
    .replaceAll('-', '_');

/** Paths of `wanted` and all they depend on, each after what it needs. `dep` is the text of modules.dep. */
export const loadingOrder = (dep: string, wanted: readonly string[]): string[] => {
  const needs = new Map<string, string[]>();
  for (const line of dep.split('\n')) {
    const [path = '', rest] = line.split(':');
    if (rest !== undefined) needs.set(path, rest.trim().split(/\s+/).filter(Boolean));
  }
  const order = new Set<string>();
  const visit = (path: string): void => {
    if (order.has(path)) return;
    // modules.dep lists all dependencies of a module, the direct ones first.
    for (const needed of (needs.get(path) ?? []).toReversed()) visit(needed);
    order.add(path);
  };
  for (const name of wanted) {
    const path = [...needs.keys()].find((candidate) => nameOf(candidate) === name);
    if (path !== undefined) visit(path);
  }
  return [...order];
};

/** Guests under TCG unpack xz fifty times slower than the host does, so it is done here, once. */
const unpacked = (path: string): Module => {
  const name = nameOf(path);
  const [, packing] = /\.ko(?:\.(\w+))?$/.exec(path) ?? [];
  const tools: Readonly<Record<string, readonly string[]>> = { xz: ['xz', '-dc'], zst: ['zstd', '-dcq'] };
  const [tool, ...args] = (packing && tools[packing]) || [];
  if (packing === undefined) return { name, file: `${name}.ko`, data: readFileSync(path) };
  if (packing === 'gz') return { name, file: `${name}.ko`, data: gunzipSync(readFileSync(path)) };
  try {
    if (tool === undefined) throw new Error(`unknown packing ${packing}`);
    const data = execFileSync(tool, [...args, path], {
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return { name, file: `${name}.ko`, data };
  } catch {
    // busybox insmod unpacks xz itself.
    return { name, file: basename(path), data: readFileSync(path) };
  }
};

/**
 * Modules to put into the initramfs: those without which there is no root, and those to be loaded soon after. Empty when the
 * kernel has all built in. `root` contains lib/modules/`release`.
 */
export const bootModules = (
  root: string | null,
  release: string,
): { readonly first: Module[]; readonly soon: Module[] } => {
  const dep = root && join(root, 'lib/modules', release, 'modules.dep');
  if (root === null || dep === null || !existsSync(dep)) return { first: [], soon: [] };
  const text = readFileSync(dep, 'utf8');
  const first = loadingOrder(text, NEEDED);
  const soon = loadingOrder(text, [...NEEDED, ...SOON]).filter((path) => !first.includes(path));
  const load = (path: string): Module => unpacked(join(root, 'lib/modules', release, path));
  return { first: first.map(load), soon: soon.map(load) };
};

/** Without these there is no root. */
const INDISPENSABLE = ['9p', '9pnet_virtio', 'virtio_pci'];

/**
 * A module without which the kernel cannot be a guest and that it lacks; null when it has all, or nothing tells what it has
 * built in. `root` as in bootModules.
 */
export const lackingModule = (root: string | null, release: string): string | null => {
  if (root === null) return null;
  const base = join(root, 'lib/modules', release);
  const [dep, builtin] = ['modules.dep', 'modules.builtin'].map((name) => join(base, name)) as [
    string,
    string,
  ];
  if (!existsSync(dep) || !existsSync(builtin)) return null;
  const names = new Set([
    ...readFileSync(dep, 'utf8')
      .split('\n')
      .map((line) => nameOf(line.split(':')[0] ?? '')),
    ...readFileSync(builtin, 'utf8').split('\n').map(nameOf),
  ]);
  return INDISPENSABLE.find((name) => !names.has(name)) ?? null;
};
