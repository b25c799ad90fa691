/** Holds what an error queue brought against what was expected of it. */
import type { QueuedError } from '../contract/evidence.ts';
import type { ExpectedCompletions, ExpectedNotice } from '../contract/expectation.ts';
import type { Check } from '../contract/result.ts';
import { fold, showNotices } from './notation.ts';

type Finding = Omit<Check, 'where' | 'name'> & { readonly aspect: string };

/** SO_EE_CODE_ZEROCOPY_COPIED, include/uapi/linux/errqueue.h. */
const COPIED = 1;
const FIELDS = [
  ...(['origin', 'errno', 'type', 'code', 'info', 'data', 'length', 'offender', 'stamped'] as const),
] as const;

export function checkNotices(expected: readonly ExpectedNotice[], seen: readonly QueuedError[]): Finding[] {
  const counts = compared('notices', showNotices(expected), showNotices(seen));
  for (const [index, want] of expected.entries()) {
    const got = seen[index];
    const wrong = got && FIELDS.filter((key) => want[key] !== undefined && want[key] !== actual(got, key));
    if (!got || !wrong || wrong.length === 0) continue;
    const show = (value: (key: (typeof FIELDS)[number]) => unknown): string =>
      `${index}: ${wrong.map((key) => `${key} ${String(value(key))}`).join(', ')}`;
    const line = show((key) => actual(got, key));
    return [counts, { aspect: 'fields', ok: false, expected: [show((key) => want[key])], actual: line }];
  }
  return [counts, { aspect: 'fields', ok: true, expected: ['as stated'], actual: 'as stated' }];
}

function actual(seen: QueuedError, key: (typeof FIELDS)[number]): string | number | boolean {
  return key === 'stamped' ? seen.stamps.includes('software') : seen[key];
}

/** Ranges of ids: contiguous, in order, none twice; where one ends and the next begins is the kernel's own choice. */
export function checkCompletions(expected: ExpectedCompletions, seen: readonly QueuedError[]): Finding[] {
  const completions = seen.filter(({ origin, errno }) => origin === 'zerocopy' && errno === 'none');
  const others = seen.filter((notice) => !completions.includes(notice));
  const flags = new Set(completions.map(({ code }) => (code & COPIED) !== 0));
  const { first, last, copied } = expected;
  return [
    compared('completed sends', `${first}..${last}`, ranges(completions)),
    compared('copied', words([copied]), words(flags)),
    compared('no other notice', 'none', showNotices(others)),
  ];
}

/** `0..4`, or where it goes wrong: `0..2, 4..4`. */
function ranges(completions: readonly QueuedError[]): string {
  const joined: [number, number][] = [];
  for (const { info, data } of completions) {
    const before = joined.at(-1);
    if (before?.[1] === info - 1 && data >= info) before[1] = data;
    else joined.push([info, data]);
  }
  return fold(joined.map(([from, to]) => `${from}..${to}`));
}

function words(copied: Iterable<boolean>): string {
  return fold([...copied].map((one) => (one ? 'copied' : 'not copied')));
}

function compared(aspect: string, expected: string, seen: string): Finding {
  return { aspect, ok: expected === seen, expected: [expected], actual: seen };
}
