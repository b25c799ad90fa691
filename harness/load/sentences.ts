/** Checks a value against a schema and says in our own words, at the right place, what is wrong. */
import { z } from 'zod';
import { found, nearHint, oneOf, quote, type Problem } from './problem.ts';
import { bare, isMapping, meantOption, schemaAt } from './walk.ts';
import type { Path, YamlFile } from './yaml-file.ts';
import { VERBS } from './schema/steps.ts';

type Schema = z.core.$ZodType;
type Issue = z.core.$ZodIssue;

/** The value as the schema's type, or the problems. `path` is where in the file the value stands. */
export function validate<T>(
  schema: z.ZodType<T>,
  value: unknown,
  file: YamlFile,
  path: Path = [],
): { value: T | null; problems: Problem[] } {
  const result = schema.safeParse(value);
  if (result.success) return { value: result.data, problems: [] };
  const translator = new Translator(schema, value, file, path);
  return { value: null, problems: result.error.issues.flatMap((issue) => translator.say(issue, [])) };
}

class Translator {
  readonly #root: Schema;
  readonly #value: unknown;
  readonly #file: YamlFile;
  readonly #base: Path;

  constructor(root: Schema, value: unknown, file: YamlFile, base: Path) {
    this.#root = root;
    this.#value = value;
    this.#file = file;
    this.#base = base;
  }

  say(issue: Issue, prefix: Path): Problem[] {
    const path = [...prefix, ...(issue.path as (string | number)[])];
    const value = this.#get(path);
    if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => this.#unknownKey(path, key));
    if (issue.code === 'invalid_union') return this.#union(issue, path, value);
    if (issue.code === 'invalid_key')
      return [this.#problem(path, `unknown key ${quote(String(path.at(-1)))}`, inner(issue), 'key')];
    return [value === undefined && path.length > 0 ? this.#missing(path) : this.#wrong(path, value, issue)];
  }

  #union(issue: Issue & { code: 'invalid_union' }, path: Path, value: unknown): Problem[] {
    if (value === undefined) return [this.#missing(path)];
    const schema = schemaAt(this.#root, this.#value, path);
    if (!(schema instanceof z.ZodUnion)) return [this.#wrong(path, value, issue)];
    const option = meantOption(schema.options, value);
    const issues = issue.errors[option];
    if (!issues || issues.length === 0) return [this.#wrong(path, value, issue)];
    return issues.flatMap((one) => this.say(one, path));
  }

  #unknownKey(path: Path, key: string): Problem {
    const schema = schemaAt(this.#root, this.#value, path);
    const owner =
      schema instanceof z.ZodUnion ? schema.options[meantOption(schema.options, this.#get(path))] : schema;
    const known = owner instanceof z.ZodObject ? Object.keys(owner.shape) : [];
    if ((VERBS as readonly string[]).includes(key) && known.includes('note'))
      return this.#problem([...path, key], `${quote(key)} belongs in a step of its own`, undefined, 'key');
    const present = this.#get(path);
    const free = known.filter((k) => !isMapping(present) || !(k in present));
    return {
      ...this.#problem([...path, key], `unknown key ${quote(key)}`, oneOf(known), 'key'),
      ...nearHint(key, free),
    };
  }

  #missing(path: Path): Problem {
    const schema = schemaAt(this.#root, this.#value, path);
    const expected = schema && describe(schema);
    return this.#problem(path.slice(0, -1), `the key ${quote(String(path.at(-1)))} is missing`, expected);
  }

  #wrong(path: Path, value: unknown, issue: Issue): Problem {
    const schema = schemaAt(this.#root, this.#value, path);
    if (issue.code === 'too_small') {
      const what = value === '' ? 'empty text' : Array.isArray(value) ? 'an empty list' : found(value);
      return this.#problem(
        path,
        what,
        issue.origin === 'array' ? 'at least one item' : `at least ${String(issue.minimum)}`,
      );
    }
    if (issue.code === 'invalid_format') return this.#problem(path, found(value), issue.message);
    if (issue.code === 'invalid_value') {
      const values = issue.values.map(String);
      const near = typeof value === 'string' ? nearHint(value, values) : {};
      return { ...this.#problem(path, found(value), oneOf(values)), ...near };
    }
    const wanted = schema ? describe(schema) : issue.message;
    const source = this.#file.source([...this.#base, ...path]);
    const scalar = typeof value === 'number' || typeof value === 'boolean';
    if (scalar && source !== undefined && wantsText(schema)) {
      const reads = source === String(value) ? '' : ` (which YAML reads as ${String(value)})`;
      return this.#problem(
        path,
        `found the ${typeof value} ${source}${reads}`,
        `text: write "${source}" in quotes`,
      );
    }
    return this.#problem(path, `found ${found(value)}`, wanted);
  }

  #problem(path: Path, message: string, expected?: string, spot: 'at' | 'key' = 'at'): Problem {
    const where = this.#file[spot]([...this.#base, ...path]);
    return expected === undefined ? { ...where, message } : { ...where, message, expected };
  }

  #get(path: Path): unknown {
    let value = this.#value;
    for (const key of path) value = (value as Record<string | number, unknown> | undefined | null)?.[key];
    return value;
  }
}

function inner(issue: Issue & { code: 'invalid_key' }): string {
  return issue.issues[0]?.message ?? issue.message;
}

function wantsText(schema: Schema | undefined): boolean {
  return schema !== undefined && bare(schema) instanceof z.ZodString;
}

/** What a schema takes, in words. */
export function describe(schema: Schema): string {
  const s = bare(schema);
  const title = z.globalRegistry.get(s)?.title;
  if (title !== undefined) return title;
  if (s instanceof z.ZodUnion) return oneOf(new Set(s.options.map((option) => describe(option))));
  if (s instanceof z.ZodArray) return 'a list';
  if (s instanceof z.ZodObject || s instanceof z.ZodRecord) return 'a mapping';
  if (s instanceof z.ZodEnum) return oneOf(s.options.map(String));
  if (s instanceof z.ZodLiteral) return oneOf([...s.values].map(String));
  if (s instanceof z.ZodNumber) return 'an integer';
  if (s instanceof z.ZodBoolean) return 'true or false';
  if (s instanceof z.ZodNull) return 'null';
  return s instanceof z.ZodString ? 'text' : 'a value';
}
