/** Building blocks of the schemas. Descriptions go into the published JSON Schema and the reference. */
import { z } from 'zod';

export const slug = z
  .string()
  .regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/, 'lower-case words joined by hyphens')
  .meta({ title: 'slug' });

export const text = z.string().min(1);

/**
 * What a piece of text means. The loader walks along the schemas and checks every piece by its meaning: expressions
 * are compiled, names looked up, `$axis` replaced by each value of the axis.
 */
export type Meaning =
  | 'size'
  | 'condition'
  | 'any'
  | 'word'
  | 'errno'
  | 'flag'
  | 'option'
  | 'options'
  | 'level'
  | 'endpoint'
  | 'address'
  | 'prefix'
  | 'family'
  | 'protocol'
  | 'need'
  | 'alternatives';

const meanings = new WeakMap<object, Meaning>();

/** What the text a schema stands for means, if that was said. */
export function meaningOf(schema: z.core.$ZodType): Meaning | undefined {
  return meanings.get(schema._zod.def);
}

/** Says what a schema's text means. Keyed by definition, which zod keeps when it copies a schema. */
export function means<T extends z.ZodType>(meaning: Meaning, schema: T): T {
  meanings.set(schema._zod.def, meaning);
  return schema;
}

/** An integer, or an expression that gives one. */
export const size = means(
  'size',
  z
    .union([z.int(), text])
    .brand<'Size'>()
    .meta({ title: 'integer or expression', description: 'An integer, or a CEL expression that gives one.' }),
);
export type Size = z.infer<typeof size>;

/** A boolean, a behaviour's name, or an expression that gives a boolean. */
export const condition = means(
  'condition',
  z.union([z.boolean(), text]).brand<'Condition'>().meta({
    title: 'condition',
    description: 'The name of a behaviour, or a CEL expression that gives true or false.',
  }),
);
export type Condition = z.infer<typeof condition>;

/** An expression of any type. */
export const anything = means(
  'any',
  z
    .union([z.int(), z.boolean(), text])
    .brand<'Anything'>()
    .meta({ title: 'expression', description: 'A value, or a CEL expression.' }),
);
export type Anything = z.infer<typeof anything>;

/** Text in which `$axis` takes the axis value. */
function textMeaning(meaning: Meaning, title: string) {
  return means(meaning, z.string().min(1)).meta({ title });
}
export const word = textMeaning('word', 'text or $axis');
export const flag = textMeaning('flag', 'MSG_… flag');
export const level = textMeaning('level', 'level of options');
export const endpoint = textMeaning('endpoint', 'endpoint of the topology');
export const address = textMeaning('address', 'endpoint or address');
export const prefix = textMeaning('prefix', 'address/prefix');
export const family = textMeaning('family', 'address family');
export const protocol = textMeaning('protocol', 'protocol');
export const need = textMeaning('need', 'link kind or capability');
/** A named option or control message type, or a number nobody has named. */
export const option = means('option', z.union([z.int(), text])).meta({ title: 'option by name or number' });

export const hex = z.string().regex(/^(?:[0-9a-fA-F]{2})*$/, 'pairs of hex digits');

/** Bytes that may also come from an axis. */
export const bytesText = means(
  'word',
  z.string().regex(/^(?:\$[a-z][a-z0-9_]*|(?:[0-9a-fA-F]{2})*)$/, 'pairs of hex digits, or $axis'),
);

export const optionValue = z.union([
  size,
  z.null(),
  z.strictObject({ hex: bytesText.describe('Raw bytes.') }),
]);
export type OptionValueYaml = z.infer<typeof optionValue>;

export const options = means('options', z.record(text, optionValue)).describe(
  'Socket options, set in this order; null hands in NULL with length 0.',
);

/** A value an axis can take. */
export const axisValue = z.union([z.int(), z.boolean(), z.string().min(1)]);
export const axes = z
  .record(z.string(), z.array(axisValue))
  .describe('Name → values; every combination is a variant. In a case an empty list removes the axis.');
export type Axes = z.infer<typeof axes>;

export const exclude = z
  .array(z.record(z.string(), z.union([axisValue, z.array(axisValue).min(1)])))
  .describe('Combinations to leave out; a value may be a list: any of them.');
export type Exclude = z.infer<typeof exclude>;

export const lets = z
  .record(z.string(), anything)
  .describe('Name → expression, usable in all expressions below; may use earlier ones.');
