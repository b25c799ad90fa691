/** `segproof list`: suites, cases, ids, tags. */
import { formatIds, formatList, type ListedSuite } from '../../reports/list.ts';
import { select } from '../load/select.ts';
import { EXIT } from './exit.ts';
import { requireProject } from './project.ts';
import { style } from './terminal.ts';

export function listCommand(
  selection: readonly string[],
  flags: { ids?: boolean; tags?: boolean; suite: readonly string[] },
): number {
  const project = requireProject(flags.suite);
  const all = project.suites.flatMap((suite) =>
    suite.cases.flatMap((one) => one.variants.map(({ id }) => ({ id, tags: one.tags }))),
  );
  const chosen = new Set(select(all, selection).map(({ id }) => id));
  const suites = project.suites
    .map((suite): ListedSuite => ({
      name: suite.name,
      title: suite.title,
      tags: suite.tags,
      cases: suite.cases
        .map((one) => ({
          name: one.id.slice(suite.name.length + 1),
          rule: one.rule,
          tags: one.tags.filter((tag) => !suite.tags.includes(tag)),
          ids: one.variants.map(({ id }) => id).filter((id) => chosen.has(id)),
        }))
        .filter(({ ids }) => ids.length > 0),
    }))
    .filter(({ cases }) => cases.length > 0);
  process.stdout.write(
    flags.tags
      ? tags(all.filter(({ id }) => chosen.has(id)))
      : flags.ids
        ? formatIds(suites)
        : formatList(suites, style(process.stdout)),
  );
  return EXIT.ok;
}

function tags(variants: readonly { readonly tags: readonly string[] }[]): string {
  const counts = new Map<string, number>();
  for (const { tags } of variants) for (const tag of tags) counts.set(tag, (counts.get(tag) ?? 0) + 1);
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([tag, n]) => `@${tag}\t${n}\n`)
    .join('');
}
