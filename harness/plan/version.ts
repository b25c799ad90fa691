/** Kernel versions, and what a version says about a behaviour. */

/** `6.12.95` is [6, 12, 95, ∞]; `7.3-rc5` is [7, 3, 0, 5]: a candidate comes before its release. */
export type Version = readonly [major: number, minor: number, patch: number, rc: number];

const PATTERN = /^(\d{1,3})\.(\d{1,4})(?:\.(\d{1,5}))?(?:-rc(\d{1,3}))?$/;

/** A version as written: `6.12`, `6.12.95`, `7.3-rc5`; null for anything else. */
export function parseVersion(text: string): Version | null {
  const match = PATTERN.exec(text);
  if (!match) return null;
  const [, major, minor, patch = '0', rc] = match;
  return [Number(major), Number(minor), Number(patch), rc === undefined ? Infinity : Number(rc)];
}

/** Negative when a comes first, 0 when equal. */
export function compareVersions(a: Version, b: Version): number {
  for (const i of [0, 1, 2, 3] as const) {
    if (a[i] !== b[i]) return a[i] < b[i] ? -1 : 1;
  }
  return 0;
}

/**
 * The upstream version a running kernel is built from, by its uname -r and -v; null when they do not tell. Debian names
 * it in -v (`#1 SMP PREEMPT_DYNAMIC Debian 6.1.148-1 (2025-08-26)`), its -r is an ABI name. A plain -r is upstream, also
 * with what a local build adds: `+` (CONFIG_LOCALVERSION_AUTO without a tag), `-g<hash>`, `-dirty` (scripts/setlocalversion).
 * Any other suffix is a vendor's, and vendors backport.
 */
export function upstreamVersion(release: string, version: string): string | null {
  const debian = /\bDebian (\d+\.\d+(?:\.\d+)?)(?:~(rc\d+))?(?:-\S*)?(?: |$)/.exec(version);
  if (debian?.[1] !== undefined) return debian[2] === undefined ? debian[1] : `${debian[1]}-${debian[2]}`;
  const plain =
    /^(\d+\.\d+)(\.\d+)?(-rc\d+)?(?:-\d{5}-g[0-9a-f]{7,40}|-g[0-9a-f]{7,40})?(?:-dirty)?\+?$/.exec(release);
  if (!plain) return null;
  const [, series = '', patch = '', rc = ''] = plain;
  // 6.8.0 and 6.8 are one release; Linux 3 and later print the 0.
  return `${series}${patch === '.0' ? '' : patch}${rc}`;
}

export interface Dated {
  readonly since: string;
  readonly stable?: readonly string[] | undefined;
  readonly until?: string | undefined;
  readonly until_stable?: readonly string[] | undefined;
  readonly unsure?: readonly string[] | undefined;
}

type Stated = 'must-have' | 'must-not-have' | 'unknown';

/**
 * What the version says about a behaviour. Without one a vendor's release (uname -r, `6.8.0-31-generic`) says what is there at
 * least: vendors add to the release they begin with.
 */
export function stated(behaviour: Dated, version: string | null, release = ''): Stated {
  const at = version === null ? null : parseVersion(version);
  if (!at) return statedAtLeast(behaviour, release);
  if ((behaviour.unsure ?? []).some((series) => sameSeries(at, series))) return 'unknown';
  if (behaviour.until !== undefined && reached(at, behaviour.until, behaviour.until_stable))
    return 'must-not-have';
  return reached(at, behaviour.since, behaviour.stable) ? 'must-have' : 'must-not-have';
}

function statedAtLeast(behaviour: Dated, release: string): Stated {
  const [begun] = /^\d+\.\d+(?:\.\d+)?/u.exec(release) ?? [];
  if (begun === undefined || parseVersion(begun) === null) return 'unknown';
  const { since, stable, until, until_stable, unsure } = behaviour;
  // What is not there yet may have been added, and what was to go may have been taken away sooner.
  if (until === undefined)
    return stated({ since, stable, unsure }, begun) === 'must-have' ? 'must-have' : 'unknown';
  const gone = stated({ since: until, stable: until_stable, unsure }, begun) === 'must-have';
  return gone ? 'must-not-have' : 'unknown';
}

/** Whether a version comes after a mainline release, or after the point release listed for its stable series. */
function reached(at: Version, mainline: string, stable: readonly string[] = []): boolean {
  const from = parseVersion(mainline);
  if (from && compareVersions(at, from) >= 0) return true;
  const listed = stable.find((release) => sameSeries(at, release));
  const point = listed === undefined ? null : parseVersion(listed);
  return point !== null && compareVersions(at, point) >= 0;
}

function sameSeries(at: Version, text: string): boolean {
  const other = parseVersion(text);
  return other !== null && at[0] === other[0] && at[1] === other[1];
}
