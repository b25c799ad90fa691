/** Names in scope of a case's expressions, and their types. */
import type { CelType, Value } from './cel.ts';
import type { Axes } from './schema/common.ts';

/** Names computed from the address family and the MTU. */
export const DERIVED = ['ip_header', 'mss', 'max_bytes'] as const;

/** Header of IPv4 without options and of IPv6 without extensions, in bytes. */
const IP_HEADER = { ipv4: 20, ipv6: 40 } as const;
/** Most UDP payload of one datagram: 65535 less headers; IPv6's payload length does not count its own header. */
const MAX_BYTES = { ipv4: 65507, ipv6: 65527 } as const;

/** CEL's own words, which cannot name anything. */
const RESERVED = new Set(
  'as break const continue else false for function has if import in let loop namespace null package return true var void while'.split(
    ' ',
  ),
);

/** Why a word cannot be the name of an axis, parameter or `let`; null when it can. */
export function badName(name: string): string | null {
  if (!/^[a-z][a-z0-9_]*$/.test(name)) return 'lower-case letters, digits and _';
  return RESERVED.has(name) ? 'another word: CEL keeps this one for itself' : null;
}

/** Type of a name that takes these values. */
export function typeOfValues(values: readonly Value[]): CelType {
  const types = new Set(values.map((value) => typeof value));
  if (types.size !== 1) return 'dyn';
  const [type] = types;
  return type === 'number' ? 'int' : type === 'boolean' ? 'bool' : 'string';
}

/** Names from axes, topology parameters and constants; axes win over parameters. */
export function staticNames(
  axes: Axes,
  parameters: Readonly<Record<string, Value>>,
  constants: readonly string[],
): Map<string, CelType> {
  const names = new Map<string, CelType>();
  for (const name of constants) names.set(name, 'int');
  const add = (name: string, values: readonly Value[]): void => {
    if (badName(name) === null) names.set(name, typeOfValues(values));
  };
  for (const [name, value] of Object.entries(parameters)) add(name, [value]);
  for (const [name, values] of Object.entries(axes)) add(name, values);
  if (names.get('family') === 'string') {
    names.set('ip_header', 'int');
    names.set('max_bytes', 'int');
    if (names.get('mtu') === 'int') names.set('mss', 'int');
  }
  return names;
}

/** What the derived names come to; empty when the family is not known. */
export function derived(family: Value | undefined, mtu: Value | undefined): Record<string, number> {
  if (family !== 'ipv4' && family !== 'ipv6') return {};
  const ip_header = IP_HEADER[family];
  const more = typeof mtu === 'number' ? { mss: mtu - ip_header - 8 } : {};
  return { ip_header, max_bytes: MAX_BYTES[family], ...more };
}
