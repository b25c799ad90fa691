/** `let`: expressions that name things for later expressions. */
import type { Let } from './case.ts';
import type { CelType } from './cel.ts';
import { checkExpression, type Context } from './check-meanings.ts';
import { DERIVED, badName } from './names.ts';
import { quote, type Problem } from './problem.ts';

export interface CheckedLets {
  /** Those that can be evaluated here. */
  readonly sound: readonly Let[];
  /** By name, what is wrong with entries of the suite: a case that removed an axis may simply not use them. */
  readonly inherited: ReadonlyMap<string, readonly Problem[]>;
}

/** Checks the entries in order and adds their names to those in scope. `own` says which are the case's. */
export function checkLets(lets: readonly Let[], own: ReadonlySet<Let>, context: Context): CheckedLets {
  const names = context.names as Map<string, CelType>;
  const sound: Let[] = [];
  const inherited = new Map<string, Problem[]>();
  for (const entry of lets) {
    const { name, value, path } = entry;
    const bad = badName(name);
    const found: Problem[] = [];
    const report: Context['report'] = (at, message, more = {}, spot = 'at') => {
      found.push({ ...context.file[spot](at), message, ...more });
      if (own.has(entry)) context.report(at, message, more, spot);
    };
    const axis = name in context.axes;
    if (bad !== null) report(path, `${quote(name)} cannot name a value`, { expected: bad }, 'key');
    else if (axis || (DERIVED as readonly string[]).includes(name) || name in context.behaviours.constants)
      report(path, `${quote(name)} is taken: it names ${axis ? 'an axis' : 'a computed value'}`, {}, 'key');
    const type = checkExpression(value, path, { ...context, report });
    if (found.length === 0) {
      names.set(name, type ?? 'dyn');
      sound.push(entry);
    } else if (!own.has(entry)) inherited.set(name, found);
  }
  return { sound, inherited };
}
