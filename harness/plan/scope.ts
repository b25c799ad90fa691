/** Values of all names for one variant on one target, and what was asked of them. */
import type { BehaviourTable } from '../load/behaviour-table.ts';
import type { Case } from '../load/case.ts';
import { CelFault, celContext, compile, type Value } from '../load/cel.ts';
import { derived } from '../load/names.ts';
import { ProblemError, type Problem } from '../load/problem.ts';
import type { Anything, Condition, Size } from '../load/schema/common.ts';
import type { Path } from '../load/yaml-file.ts';

/** Whether a behaviour is there on the target. */
export type Has = (behaviour: string) => boolean;

const DERIVED_FROM: Readonly<Record<string, readonly string[]>> = {
  ip_header: ['family'],
  max_bytes: ['family'],
  mss: ['family', 'mtu'],
};

interface Origin {
  /** Behaviours the value depends on. */
  readonly behaviours: Iterable<string>;
  /** Axes and parameters it was computed from. */
  readonly names: Iterable<string>;
}

export class Scope {
  /** Axes, parameters and other names that anything read. */
  reads = new Set<string>();
  /** Alternatives that counted, by path. */
  readonly reached = new Set<string>();
  readonly #case: Case;
  readonly #has: Has;
  readonly #values: Map<string, Value>;
  readonly #origins = new Map<string, Origin>();
  #behaviours = new Set<string>();
  #context: Record<string, unknown> | null = null;

  constructor(
    theCase: Case,
    variant: Readonly<Record<string, Value>>,
    parameters: Readonly<Record<string, Value>>,
    table: BehaviourTable,
    has: Has,
  ) {
    this.#case = theCase;
    this.#has = has;
    this.#values = new Map(Object.entries({ ...parameters, ...variant }));
    for (const [name, value] of Object.entries(table.constants)) {
      const implied = table.implied.get(name) ?? [];
      this.#values.set(name, implied.findLast(({ behaviour }) => has(behaviour))?.value ?? value);
      this.#origins.set(name, { behaviours: implied.map(({ behaviour }) => behaviour), names: [] });
    }
    const computed = derived(this.#values.get('family'), this.#values.get('mtu'));
    for (const [name, value] of Object.entries(computed)) {
      this.#values.set(name, value);
      this.#origins.set(name, { behaviours: [], names: DERIVED_FROM[name] ?? [] });
    }
    for (const { name, value, path } of theCase.lets) this.#let(name, value, path);
  }

  /** Evaluates an entry; what it depends on counts only once something reads it. */
  #let(name: string, value: Anything, path: Path): void {
    const result = this.#evaluate(value, path);
    this.#values.set(name, result);
    this.#origins.set(name, { behaviours: this.#behaviours, names: this.reads });
    this.#behaviours = new Set();
    this.reads = new Set();
    if (this.#context) Object.assign(this.#context, celContext(new Map([[name, result]])));
  }

  /** Runs `work` and says which behaviours decided anything in it. */
  collect<T>(work: () => T): { readonly result: T; readonly behaviours: readonly string[] } {
    const outer = this.#behaviours;
    this.#behaviours = new Set();
    try {
      const result = work();
      return { result, behaviours: [...this.#behaviours].sort() };
    } finally {
      for (const behaviour of this.#behaviours) outer.add(behaviour);
      this.#behaviours = outer;
    }
  }

  /** All behaviours that decided anything so far. */
  get behaviours(): readonly string[] {
    return [...this.#behaviours].sort();
  }

  /** Value of a name; undefined when it is not in scope. Counts as a read. */
  get(name: string): Value | undefined {
    const value = this.#values.get(name);
    if (value !== undefined) this.#read(name);
    return value;
  }

  /** An integer within `least`..`most`. */
  int(expression: Size, path: Path, least: number, most: number): number {
    const value = this.#evaluate(expression, path);
    if (typeof value !== 'number')
      return this.fail(path, `comes to ${String(value)}`, { expected: 'an integer' });
    if (value < least || value > most)
      return this.fail(path, `comes to ${value}`, { expected: `${least} to ${most}` });
    return value;
  }

  condition(expression: Condition, path: Path): boolean {
    if (typeof expression === 'string' && this.#isBehaviour(expression)) return this.#ask(expression);
    const value = this.#evaluate(expression, path);
    return typeof value === 'boolean'
      ? value
      : this.fail(path, `comes to ${String(value)}`, { expected: 'true or false' });
  }

  any(expression: Anything, path: Path): Value {
    return this.#evaluate(expression, path);
  }

  /** Text, or what `$axis` stands for. */
  word(text: string, path: Path): string {
    return text.startsWith('$') ? String(this.#reference(text, path)) : text;
  }

  /** Throws the problem at its place, with the variant's values where a formula came to something impossible. */
  fail(path: Path, message: string, more: Partial<Problem> = {}): never {
    throw new ProblemError([{ ...this.#case.file.at(path), message, ...more }]);
  }

  #evaluate(expression: Value, path: Path): Value {
    if (typeof expression !== 'string') return expression;
    if (expression.startsWith('$')) return this.#reference(expression, path);
    try {
      const compiled = compile(expression, this.#case.names);
      for (const name of compiled.names) this.#read(name);
      return compiled.evaluate((this.#context ??= celContext(this.#values)), (behaviour) =>
        this.#ask(behaviour),
      );
    } catch (error) {
      if (!(error instanceof CelFault)) throw error;
      const place = this.#case.file.inside(path, error.offset);
      throw new ProblemError([{ ...place, message: `${JSON.stringify(expression)}: ${error.message}` }]);
    }
  }

  #reference(text: string, path: Path): Value {
    return this.get(text.slice(1)) ?? this.fail(path, `unknown axis "${text}"`);
  }

  #isBehaviour(text: string): boolean {
    return (
      !this.#values.has(text) &&
      /^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(text) &&
      text !== 'true' &&
      text !== 'false'
    );
  }

  #ask(behaviour: string): boolean {
    this.#behaviours.add(behaviour);
    return this.#has(behaviour);
  }

  #read(name: string): void {
    this.reads.add(name);
    const origin = this.#origins.get(name);
    if (!origin) return;
    for (const behaviour of origin.behaviours) this.#behaviours.add(behaviour);
    for (const from of origin.names) this.reads.add(from);
  }
}
