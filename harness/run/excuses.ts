/** Turns failures that are known into `xfail`, and known failures that did not come into `xpass`. */
import type { KnownIssue } from '../contract/known-issue.ts';
import type { CaseResult, RunEvent } from '../contract/result.ts';
import { compareVersions, parseVersion } from '../plan/version.ts';
import { matcher } from '../load/select.ts';

/** Begins what {@link Excuses.notices} says. */
const NOTICE = 'known issue ';

/** Whether a notice is about a known issue. Of a part of a run it tells nothing about the whole. */
export const isAboutKnownIssue = (message: string): boolean => message.startsWith(NOTICE);

interface Entry {
  readonly issue: KnownIssue;
  readonly matches: readonly ReturnType<typeof matcher>[];
  readonly expired: boolean;
  /** Results it was held against, and those that were as it says. */
  seen: number;
  met: number;
}

export class Excuses {
  readonly #entries: readonly Entry[];
  readonly #upstream = new Map<string, string | null>();

  /** @param today `2026-11-22` */
  constructor(issues: readonly KnownIssue[], today: string) {
    this.#entries = issues.map((issue) => ({
      issue,
      matches: issue.cases.map(matcher),
      expired: issue.expires < today,
      seen: 0,
      met: 0,
    }));
  }

  /** The event with its result as the known issues make it. */
  apply(event: RunEvent): RunEvent {
    if (event.type === 'target') this.#upstream.set(event.summary.target, event.summary.upstream);
    return event.type === 'case-end' ? { ...event, result: this.#result(event.result) } : event;
  }

  /** Takes note of an event of an earlier process or of a shard, to which it was applied there. */
  recall(event: RunEvent): void {
    this.apply(event);
    if (event.type !== 'case-end' || event.result.outcome !== 'xfail') return;
    for (const entry of this.#for(event.result)) if (!entry.expired) entry.met++;
  }

  /** What the file's keepers should know at the end of a run: entries that have expired, or that nothing came of. */
  notices(): string[] {
    return this.#entries.flatMap(({ issue, expired, seen, met }) => {
      const at = `${issue.where.file}:${issue.where.line}:${issue.where.column}`;
      if (expired && met > 0)
        return [
          `${NOTICE}${at} expired on ${issue.expires}, so that ${met} results count again: ${issue.link}`,
        ];
      if (expired) return [`${NOTICE}${at} expired on ${issue.expires} and can be removed: ${issue.link}`];
      if (seen > 0 && met === 0)
        return [`${NOTICE}${at} is stale: none of its ${seen} results came out as ${issue.outcome}`];
      return [];
    });
  }

  #result(result: CaseResult): CaseResult {
    if (result.outcome === 'skip' || result.cut === 'not-run') return result;
    const entries = this.#for(result);
    for (const entry of entries) entry.seen++;
    const hits = entries.filter(({ issue }) => isAs(result, issue));
    for (const entry of hits) entry.met++;
    const known = hits.find(({ expired }) => !expired)?.issue;
    if (known) return { ...result, outcome: 'xfail', reason: `${told(known)}; ${result.reason}` };
    if (result.outcome !== 'pass') return result;
    const broken = entries.find(({ issue, expired }) => !expired && issue.intermittent !== true)?.issue;
    if (!broken) return result;
    const reason = `it passes, but should come out as ${broken.outcome}: ${told(broken)}`;
    return { ...result, outcome: 'xpass', reason };
  }

  #for(result: CaseResult): Entry[] {
    const upstream = this.#upstream.get(result.target) ?? null;
    return this.#entries.filter(
      ({ issue, matches }) =>
        matches.some((match) => match({ id: result.id, tags: [] })) &&
        (issue.targets ?? ['*']).some((name) => globbed(name).test(result.target)) &&
        hasIssue(issue, upstream),
    );
  }
}

function isAs(result: CaseResult, { outcome, fingerprint }: KnownIssue): boolean {
  if (result.outcome !== outcome) return false;
  return fingerprint === undefined || result.fingerprint?.startsWith(fingerprint) === true;
}

function told({ reason, link, expires }: KnownIssue): string {
  return `known issue until ${expires}: ${reason} (${link})`;
}

/** A kernel of unknown version has no issue that is bound to versions. */
function hasIssue({ from, before }: KnownIssue, upstream: string | null): boolean {
  const at = upstream === null ? null : parseVersion(upstream);
  const [first, end] = [parseVersion(from ?? ''), parseVersion(before ?? '')];
  if (!at) return !first && !end;
  return !(first && compareVersions(at, first) < 0) && !(end && compareVersions(at, end) >= 0);
}

function globbed(text: string): RegExp {
  return new RegExp(
    `^${text
      .split('*')
      .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*')}$`,
  );
}
