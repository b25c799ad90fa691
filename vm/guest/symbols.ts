/** Crash traces with file and line behind each function, where the kernel's vmlinux with debug information is at hand. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { has } from '../kernels/exec.ts';

/** `udp_send_skb+0x12/0x340` */
const PLACE = /\b([A-Za-z_][\w.]*)\+0x([0-9a-f]+)\/0x([0-9a-f]+)(?![0-9a-f]| \[)/g;
const PATIENCE_MS = 60_000;

/** The vmlinux that belongs to an image: in its kernel tree, beside it, or where debug packages put it; null: none. */
export function findSymbols({ image, release }: { image: string; release: string }): string | null {
  const folder = dirname(image);
  const places = [
    ...(image.endsWith('/arch/x86/boot/bzImage') ? [join(folder, '../../../vmlinux')] : []),
    ...[join(folder, `vmlinux-${release}`), join(folder, 'vmlinux')],
    `/usr/lib/debug/boot/vmlinux-${release}`,
    `/usr/lib/debug/lib/modules/${release}/vmlinux`,
  ];
  return places.find((place) => existsSync(place)) ?? null;
}

/** The text with ` (net/ipv4/udp.c:934)` behind every function that the symbols know; null where binutils are missing. */
export async function decodeTrace(text: string, vmlinux: string): Promise<string | null> {
  if (!(await has('nm')) || !(await has('addr2line'))) return null;
  const symbols = sizedSymbols(await output('nm', ['--print-size', vmlinux]));
  const wanted = new Map<string, string>();
  for (const line of text.split('\n'))
    for (const [place, name = '', offset = '', size = ''] of line.matchAll(PLACE)) {
      const start = symbols.get(`${name} ${BigInt(`0x${size}`)}`) ?? symbols.get(name);
      // What stands in a trace is where a call returns to; the call is before. RIP is the place itself.
      const back = line.includes('RIP:') || offset === '0' ? 0n : 1n;
      if (start !== undefined) wanted.set(place, (start + BigInt(`0x${offset}`) - back).toString(16));
    }
  if (wanted.size === 0) return text;
  const answer = await output('addr2line', ['-e', vmlinux], `${[...wanted.values()].join('\n')}\n`);
  const lines = answer.split('\n');
  const known = new Map([...wanted.keys()].map((place, i) => [place, lines[i] ?? '']));
  return text.replace(PLACE, (place) => {
    const where = known.get(place) ?? '';
    return where === '' || where.startsWith('??') ? place : `${place} (${where})`;
  });
}

/** Addresses by `name size`, as traces have both, and by name alone. Sizes in nm are those that kallsyms gives, or less. */
function sizedSymbols(table: string): Map<string, bigint> {
  const found = new Map<string, bigint>();
  for (const line of table.split('\n')) {
    const [, address, size, name] = /^([0-9a-f]+) (?:([0-9a-f]+) )?[tTwW] (\S+)$/.exec(line) ?? [];
    if (address === undefined || name === undefined) continue;
    const start = BigInt(`0x${address}`);
    if (size !== undefined) found.set(`${name} ${BigInt(`0x${size}`)}`, start);
    if (!found.has(name)) found.set(name, start);
  }
  return found;
}

async function output(program: string, args: readonly string[], input = ''): Promise<string> {
  const { stdout } = await execa(program, args, {
    ...{ input, timeout: PATIENCE_MS, maxBuffer: 256 * 1024 * 1024 },
    ...{ reject: false, stripFinalNewline: true },
  });
  return stdout;
}
