import { homedir } from 'node:os';
import { join } from 'node:path';
import { KernelError } from './types.ts';

/** What a `--kernel` argument asks for. */
export type Spec =
  | { readonly kind: 'running-image' }
  /** Newest release of a series, e.g. `6.12`. */
  | { readonly kind: 'series'; readonly series: string }
  /** An upstream version, a Debian version or a `uname -r`. */
  | { readonly kind: 'release'; readonly text: string }
  | { readonly kind: 'path'; readonly path: string };

export const FORMS =
  'give a series (6.12), a release (6.12.95, debian:7.0.10), a path of a vmlinuz, kernel tree, .deb or .rpm (./bzImage), or running-image';

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
  if (/^\d+\.\d+[.~-][\w.+~-]*$/.test(version ?? '')) return { kind: 'release', text: version ?? '' };
  if (/^v\d+\.\d+/.test(version ?? ''))
    throw new KernelError(
      65,
      `kernel ${text}: mainline builds are not served`,
      `give ${text.slice(1)} for Debian's build of it, or the path of your own build`,
    );
  throw new KernelError(65, `kernel ${text}: neither a version nor a path`, FORMS);
}
