/** Pieces of C that a program may need, and the order they must stand in. */

export interface Helper {
  /** Headers by name, e.g. `sys/socket.h`. */
  readonly includes?: readonly string[];
  /** What must stand before it. */
  readonly needs?: readonly Helper[];
  /** Whole definitions in kernel style, without blank lines around. */
  readonly code: string;
}

/** The helpers and all they need, each once, needed ones first. */
export function inOrder(helpers: Iterable<Helper>): Helper[] {
  const ordered = new Set<Helper>();
  const add = (helper: Helper): void => {
    if (ordered.has(helper)) return;
    for (const needed of helper.needs ?? []) add(needed);
    ordered.add(helper);
  };
  for (const helper of helpers) add(helper);
  return [...ordered];
}
