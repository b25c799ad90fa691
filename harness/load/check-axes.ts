/** Axes and excludes that cannot be meant. */
import type { BehaviourTable } from './behaviour-table.ts';
import type { Report } from './case.ts';
import { DERIVED, badName } from './names.ts';
import { nearHint, oneOf, quote } from './problem.ts';
import type { Axes, Exclude } from './schema/common.ts';
import type { CaseYaml } from './schema/suite.ts';
import type { Path } from './yaml-file.ts';

/** Values become part of ids, and ids become file names and command-line arguments. */
const IN_ID = /^[\w.:+-]+$/;

/** Checks the axes of a suite; also those a case gives itself. */
export function checkAxisValues(axes: Axes, path: Path, behaviours: BehaviourTable, report: Report): void {
  for (const [name, values] of Object.entries(axes)) {
    const at = [...path, name];
    const bad = badName(name);
    if (bad !== null) report(at, `${quote(name)} cannot name an axis`, { expected: bad }, 'key');
    if ((DERIVED as readonly string[]).includes(name) || name in behaviours.constants)
      report(at, `${quote(name)} is computed: an axis cannot set it`, {}, 'key');
    const seen = new Set<unknown>();
    for (const [i, value] of values.entries()) {
      if (seen.has(value)) report([...at, i], `the value ${String(value)} is given twice`);
      seen.add(value);
      if (!IN_ID.test(String(value)))
        report([...at, i], `the value ${quote(String(value))} cannot be part of an id`, {
          expected: 'letters, digits and _ . : + -',
        });
      if (name === 'family' && value !== 'ipv4' && value !== 'ipv6')
        report([...at, i], `unknown family ${quote(String(value))}`, {
          expected: 'ipv4 or ipv6',
          ...nearHint(String(value), ['ipv4', 'ipv6']),
        });
    }
  }
}

/** Axes of a case: its own values, and removals of axes there are none of. */
export function checkAxes(
  yaml: CaseYaml,
  inherited: Axes,
  path: Path,
  behaviours: BehaviourTable,
  report: Report,
): void {
  const own = yaml.axes ?? {};
  checkAxisValues(own, [...path, 'axes'], behaviours, report);
  for (const [name, values] of Object.entries(own)) {
    if (values.length === 0 && !(name in inherited))
      report(
        [...path, 'axes', name],
        `there is no axis ${quote(name)} to remove`,
        nearHint(name, Object.keys(inherited)),
        'key',
      );
  }
}

/** Reports excludes that name an axis or a value there is none of; returns the indices of the others. */
export function checkExcludes(excludes: Exclude, axes: Axes, path: Path, report: Report): number[] {
  const unsound = new Set<number>();
  for (const [i, entry] of excludes.entries()) {
    if (Object.keys(entry).length === 0) {
      report([...path, i], 'an empty exclude would leave nothing');
      unsound.add(i);
    }
    for (const [name, wanted] of Object.entries(entry)) {
      const values = axes[name];
      const at = [...path, i, name];
      if (!values) {
        const known = Object.keys(axes);
        report(
          at,
          `unknown axis ${quote(name)}`,
          { expected: oneOf(known), ...nearHint(name, known) },
          'key',
        );
        unsound.add(i);
        continue;
      }
      const list = Array.isArray(wanted) ? wanted : [wanted];
      for (const [j, value] of list.entries()) {
        if (values.includes(value)) continue;
        unsound.add(i);
        report(
          Array.isArray(wanted) ? [...at, j] : at,
          `the axis ${quote(name)} has no value ${String(value)}`,
          {
            expected: oneOf(values.map(String)),
            ...nearHint(String(value), values.map(String)),
          },
        );
      }
    }
  }
  return [...excludes.keys()].filter((i) => !unsound.has(i));
}
