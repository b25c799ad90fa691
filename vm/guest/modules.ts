/** Which modules a kernel must load before it can mount its root and talk to segproof, in loading order. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** By name; those that a kernel has built in are in no modules.dep and need no loading. */
const NEEDED = ['virtio_pci', 'virtio_console', '9pnet_virtio', '9p', 'overlay'];

/**
 * By name; what tests of the network need. A guest with a root of its own has no others. Each takes a while under TCG when the kernel
 * has to call for it: those that a command is about to need are loaded beside its start.
 */
export const PACKED: readonly string[] = [
  ...['veth', 'dummy', 'ifb', 'tun', '8021q', 'macvlan', 'ipvlan', 'bridge', 'bonding', 'vxlan'],
  ...['team', 'team_mode_activebackup', 'team_mode_broadcast', 'team_mode_roundrobin'],
  ...['sch_fq', 'sch_etf', 'xfrm_user', 'esp4', 'esp6', 'crypto_null', 'authenc'],
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

/** What goes into the initramfs. */
export interface BootModules {
  /** Names of those without which there is no root. */
  readonly first: readonly string[];
  /** These, those that may be asked for, and all they depend on. */
  readonly files: readonly Module[];
  /** modules.dep for {@link files}, all in one folder. */
  readonly dep: string;
  /** modules.alias for them: the names by which the kernel calls for a module. */
  readonly alias: string;
}

/** Empty when the kernel has all built in. `root` contains lib/modules/`release`. */
export const bootModules = (root: string | null, release: string): BootModules => {
  const base = root && join(root, 'lib/modules', release);
  if (base === null || !existsSync(join(base, 'modules.dep')))
    return { first: [], files: [], dep: '', alias: '' };
  const text = readFileSync(join(base, 'modules.dep'), 'utf8');
  const paths = loadingOrder(text, [...NEEDED, ...PACKED]);
  const modules = new Map(paths.map((path) => [path, unpacked(join(base, path))]));
  const nameIn = (path: string): string => modules.get(path)?.file ?? '';
  const lines = paths.map((path) => {
    const needs = loadingOrder(text, [nameOf(path)])
      .slice(0, -1)
      .reverse();
    return `${nameIn(path)}:${needs.map((needed) => ` ${nameIn(needed)}`).join('')}\n`;
  });
  const present = new Set([...modules.values()].map(({ name }) => name));
  return {
    first: NEEDED.filter((name) => present.has(name)),
    files: [...modules.values()],
    dep: lines.join(''),
    alias: aliases(base, present),
  };
};

const aliases = (base: string, present: ReadonlySet<string>): string => {
  const path = join(base, 'modules.alias');
  if (!existsSync(path)) return '';
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.flatMap((line) => (present.has(line.split(' ')[2] ?? '') ? [`${line}\n`] : [])).join('');
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
