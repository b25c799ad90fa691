/** Walks a value along its schema: which branch of a union is meant, which schema holds at a path, what each text means. */
import { z } from 'zod';
import type { Path } from './yaml-file.ts';
import { meaningOf, type Meaning } from './schema/common.ts';

type Schema = z.core.$ZodType;

/** The schema without `optional`. */
export function bare(schema: Schema): Schema {
  return schema instanceof z.ZodOptional ? bare(schema.unwrap()) : schema;
}

/** Whether a value is of the kind (text, list, mapping …) a schema takes, whatever is inside. */
export function kindFits(schema: Schema, value: unknown): boolean {
  const s = bare(schema);
  if (s instanceof z.ZodUnion) return s.options.some((option) => kindFits(option, value));
  if (s instanceof z.ZodArray) return Array.isArray(value);
  if (s instanceof z.ZodObject || s instanceof z.ZodRecord) return isMapping(value);
  if (s instanceof z.ZodString || s instanceof z.ZodEnum) return typeof value === 'string';
  if (s instanceof z.ZodNumber) return typeof value === 'number';
  if (s instanceof z.ZodBoolean) return typeof value === 'boolean';
  if (s instanceof z.ZodLiteral) return s.values.has(value as never);
  if (s instanceof z.ZodNull) return value === null;
  return true;
}

export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Index of the option of a union that a value most likely means; -1 when none takes this kind of value. */
export function meantOption(options: readonly Schema[], value: unknown): number {
  let best = -1;
  let most = -Infinity;
  for (const [i, option] of options.entries()) {
    if (!kindFits(option, value)) continue;
    const score = closeness(bare(option), value);
    if (score > most) [best, most] = [i, score];
  }
  return best;
}

function closeness(schema: Schema, value: unknown): number {
  if (!(schema instanceof z.ZodObject) || !isMapping(value)) return 0;
  const shape = schema.shape as Record<string, Schema>;
  const missing = Object.entries(shape).filter(([k, s]) => !(s instanceof z.ZodOptional) && !(k in value));
  return Object.keys(value).filter((k) => k in shape).length - 10 * missing.length;
}

/** The schema that holds for the part of `value` at `path`; undefined where the schema knows of no such part. */
export function schemaAt(schema: Schema, value: unknown, path: Path): Schema | undefined {
  const s = bare(schema);
  if (s instanceof z.ZodUnion) {
    if (path.length === 0) return s;
    const option = s.options[meantOption(s.options, value)];
    return option && schemaAt(option, value, path);
  }
  const [step, ...rest] = path;
  if (step === undefined) return s;
  const inner = child(s, step);
  return inner && schemaAt(inner, (value as Record<string | number, unknown> | undefined)?.[step], rest);
}

function child(schema: Schema, step: string | number): Schema | undefined {
  if (schema instanceof z.ZodArray) return schema.element;
  if (schema instanceof z.ZodRecord) return schema.valueType;
  if (!(schema instanceof z.ZodObject)) return undefined;
  return (schema.shape as Record<string, Schema>)[step] ?? schema.def.catchall;
}

export type Visit = (meaning: Meaning, value: unknown, path: Path) => void;

/** Calls `visit` for every part of a valid value whose schema says what it means. */
export function visitMeanings(schema: Schema, value: unknown, path: Path, visit: Visit): void {
  if (value === undefined) return;
  const s = bare(schema);
  const meaning = meaningOf(s);
  if (meaning !== undefined) visit(meaning, value, path);
  if (s instanceof z.ZodUnion) {
    const option = s.options[meantOption(s.options, value)];
    if (option) visitMeanings(option, value, path, visit);
  } else if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) descend(s, item, path, i, visit);
  } else if (isMapping(value)) {
    for (const [key, item] of Object.entries(value)) descend(s, item, path, key, visit);
  }
}

function descend(schema: Schema, item: unknown, path: Path, step: string | number, visit: Visit): void {
  const inner = child(schema, step);
  if (inner) visitMeanings(inner, item, [...path, step], visit);
}
