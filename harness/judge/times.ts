/** When datagrams arrived or packets passed, held against when they may. */
import type { Check } from '../contract/result.ts';

type Finding = Omit<Check, 'where' | 'name'> & { readonly aspect: string };

/**
 * `slackMs`: how late the machine may be. A kernel may be late, as long as the machine is, but never early. Null: nothing is
 * expected. Undefined: the record lacks a time.
 */
export function checkTimes(
  expected: readonly { readonly afterMs?: number }[],
  seen: readonly { readonly atMs?: number }[],
  slackMs: number,
): Finding[] | null | undefined {
  const timed = expected.flatMap(({ afterMs }, index) => (afterMs === undefined ? [] : [{ index, afterMs }]));
  if (timed.length === 0) return null;
  const found = timed.flatMap((one) => {
    const at = seen[one.index]?.atMs;
    return at === undefined ? [] : [{ ...one, at }];
  });
  if (found.length < Math.min(timed.length, seen.length)) return undefined;
  const early = found.find(({ at, afterMs }) => at < afterMs);
  const late = found.find(({ at, afterMs }) => at > afterMs + slackMs);
  return [
    finding('not before its time', early, (afterMs) => `${afterMs} ms or later`),
    finding('not late', late, (afterMs) => `${afterMs + slackMs} ms or sooner`),
  ];
}

function finding(
  aspect: string,
  wrong: { readonly index: number; readonly afterMs: number; readonly at: number } | undefined,
  say: (afterMs: number) => string,
): Finding {
  if (!wrong) return { aspect, ok: true, expected: ['in time'], actual: 'in time' };
  const { index, afterMs, at } = wrong;
  return { aspect, ok: false, expected: [`${index}: ${say(afterMs)}`], actual: `${index}: ${at} ms` };
}
