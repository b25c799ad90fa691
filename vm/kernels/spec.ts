import { homedir } from 'node:os';
import { join } from 'node:path';
import { KernelError } from './types.ts';

/** What a `--kernel` argument asks for. */
export type Spec =
  | { readonly kind: 'running-image' }
  /** Newest release of a series, e.g. `6.12`, or of a flavour of it, e.g. `6.12-rt`. */
  | { readonly kind: 'series'; readonly series: string; readonly flavour?: string }
  /** virtme-ng's own download, e.g. `v6.6`. */
  | { readonly kind: 'mainline'; readonly version: string }
  /** An upstream version, a Debian version or a `uname -r`. */
  | { readonly kind: 'release'; readonly text: string }
  | { readonly kind: 'path'; readonly path: string };

export const FORMS =
  "give a series (6.12, 6.12-rt), a release (6.12.95, debian:7.0.10), a path of a vmlinuz, kernel tree, folder, .deb or .rpm (./bzImage), v6.6 (virtme-ng's download), or running-image";

/**
 * Tell what a `--kernel` argument means, by its form alone: what could be both a version and a file name is a version, and
 * `./6.12` is the file.
 * @throws KernelError (65)
 */
export function parseSpec(spec: unknown): Spec {
  if (typeof spec === 'number')
    throw new KernelError(
      65,
      `kernel ${spec} was read as a number, which loses zeros (6.10 becomes 6.1)`,
      `quote it: '${spec}'`,
    );
  if (typeof spec !== 'string' || spec.trim() === '' || spec.includes('\0'))
    throw new KernelError(65, `no kernel named by ${JSON.stringify(spec)}`, FORMS);
  const text = spec.trim();
  if (text === 'running-image') return { kind: 'running-image' };
  if (text.startsWith('~/')) return { kind: 'path', path: join(homedir(), text.slice(2)) };
  if (/[/]|^\.{1,2}$/.test(text) || /\.(deb|rpm)$/.test(text)) return { kind: 'path', path: text };
  const [provider, version] = text.includes(':') ? text.split(':', 2) : ['debian', text];
  if (provider !== 'debian')
    throw new KernelError(65, `kernel ${text}: there is no provider named ${provider ?? ''}`, FORMS);
  if (/^\d+\.\d+$/.test(version ?? '')) return { kind: 'series', series: version ?? '' };
  const flavoured = /^(\d+\.\d+)-(cloud|rt)$/.exec(version ?? '');
  if (flavoured?.[1] !== undefined && flavoured[2] !== undefined)
    return { kind: 'series', series: flavoured[1], flavour: flavoured[2] };
  if (/^\d+\.\d+[.~-][\w.+~-]*$/.test(version ?? '')) return { kind: 'release', text: version ?? '' };
  // Only without a provider: `v6.6` is a name of its own.
  if (text === version && /^v\d+\.\d+(\.\d+)?(-rc\d+)?$/.test(text))
    return { kind: 'mainline', version: text };
  throw new KernelError(65, `kernel ${text}: neither a version nor a path`, FORMS);
}
