/** Picks the alternative that counts. */
import type { Location } from '../contract/result.ts';
import type { Case } from '../load/case.ts';
import type { Condition } from '../load/schema/common.ts';
import type { Path } from '../load/yaml-file.ts';
import type { Scope } from './scope.ts';

interface Alternative {
  readonly when?: Condition | undefined;
  readonly otherwise?: true | undefined;
}

export interface Chosen<T> {
  readonly expect: T | undefined;
  readonly path: Path;
  readonly where: Location;
}

/** One expectation of a field that holds one or a list of alternatives. */
type One<E> = E extends readonly (infer A)[] ? A : E;

/** The first alternative whose condition holds; a single expectation always does. */
export function choose<E extends object>(
  expect: E | undefined,
  path: Path,
  theCase: Case,
  scope: Scope,
  fallback: Path,
): Chosen<One<E>> {
  if (expect === undefined) return { expect, path, where: theCase.file.key(fallback) };
  if (!Array.isArray(expect)) return { expect: expect as One<E>, path, where: theCase.file.at(path) };
  const list = expect as readonly (One<E> & Alternative)[];
  const index = list.findIndex(
    (one, i) => one.when === undefined || scope.condition(one.when, [...path, i, 'when']),
  );
  const chosen = list[index];
  if (!chosen)
    return scope.fail(path, 'no alternative holds for this variant', { expected: '"otherwise: true"' });
  const at = [...path, index];
  scope.reached.add(at.join(' '));
  return { expect: chosen, path: at, where: theCase.file.at(at) };
}
