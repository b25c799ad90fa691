/**
 * Debian and kernel version strings. Debian: `[epoch:]upstream[-revision]`, ordered by deb-version(7), where `~` sorts
 * before everything, so that `7.3~rc5-1` is older than `7.3-1`.
 */

/** Upstream kernel version of a Debian version: `6.12.95-1` → `6.12.95`, `7.3~rc5-1~exp1` → `7.3-rc5`; null if it is none. */
export function upstreamOfDebian(version: string): string | null {
  const match = /^(?:\d+:)?(\d+\.\d+(?:\.\d+)*)(?:~(rc\d+))?(?:[-+~].*)?$/.exec(version);
  if (match?.[1] === undefined) return null;
  return match[2] === undefined ? match[1] : `${match[1]}-${match[2]}`;
}

/** Series of an upstream version: `6.12.95` → `6.12`. */
export function seriesOf(upstream: string): string {
  return upstream.split(/[.-]/, 2).join('.');
}

/** A character's weight in the non-digit parts: `~` first, then the end, letters, and everything else. */
function weight(char: string | undefined): number {
  if (char === undefined) return 0;
  if (char === '~') return -1;
  return /[A-Za-z]/.test(char) ? char.charCodeAt(0) : char.charCodeAt(0) + 256;
}

function compareText(a: string, b: string): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = weight(a[i]) - weight(b[i]);
    if (difference !== 0) return difference;
  }
  return 0;
}

function comparePart(a: string, b: string): number {
  const [left, right] = [a.split(/(\d+)/), b.split(/(\d+)/)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const [x, y] = [left[i] ?? '', right[i] ?? ''];
    const difference = i % 2 === 1 ? Math.sign(Number(x) - Number(y)) : compareText(x, y);
    if (difference !== 0) return difference;
  }
  return 0;
}

function parts(version: string): [string, string, string] {
  const colon = version.indexOf(':');
  const rest = version.slice(colon + 1);
  const dash = rest.lastIndexOf('-');
  return dash < 0
    ? [version.slice(0, Math.max(colon, 0)), rest, '']
    : [version.slice(0, Math.max(colon, 0)), rest.slice(0, dash), rest.slice(dash + 1)];
}

/** Order of two Debian versions as dpkg has it: negative when `a` is older. */
export function compareDebian(a: string, b: string): number {
  const [left, right] = [parts(a), parts(b)];
  return (
    Number(left[0]) - Number(right[0]) || comparePart(left[1], right[1]) || comparePart(left[2], right[2])
  );
}

/** Order of two series by number: 6.2 before 6.12. */
export function compareSeries(a: string, b: string): number {
  const [am = 0, an = 0] = a.split('.').map(Number);
  const [bm = 0, bn = 0] = b.split('.').map(Number);
  return am - bm || an - bn;
}

/**
 * What a kernel's own banner says it was built from. Distribution kernels often number their builds in `uname -r`
 * (`6.1.0-49-amd64` is 6.1.174), so a release only counts when nothing but a developer's suffix follows the version.
 * @param release `uname -r`
 * @param banner text that holds `uname -v`
 */
export function upstreamOfBanner(release: string, banner: string): string | null {
  const debian = /\bDebian (\S+) \(/.exec(banner)?.[1];
  if (debian !== undefined) return upstreamOfDebian(debian);
  const own = /^(\d+\.\d+(?:\.\d+)?(?:-rc\d+)?)(?:-\d{5})?(?:-g[0-9a-f]{7,})?(?:-dirty)?\+?$/.exec(release);
  return own?.[1] ?? null;
}
