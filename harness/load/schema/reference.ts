/** The part of docs/case-language.md that lists every key, made from the schemas. */
import { z } from 'zod';
import { describe } from '../sentences.ts';
import { bare, isMapping } from '../walk.ts';
import { datagramItem, errorItem, packetItem } from './expect.ts';
import { controlItem } from './message.ts';
import { verbs } from './steps.ts';
import { behaviourSchema, caseSchema, suiteSchema, topologySchema } from './suite.ts';

type Schema = z.core.$ZodType;

export const BEGIN = '<!-- made by harness/load/schema/write.ts: everything below -->';

/** Markdown lists of all keys. */
export function reference(): string {
  const parts: (readonly [heading: string, rows: readonly string[]])[] = [
    ['Suite', rows(suiteSchema)],
    ['Case', rows(caseSchema)],
    ...Object.entries(verbs).map(([verb, schema]) => [`Step \`${verb}\``, stepRows(verb, schema)] as const),
    ['Control message', rows(controlItem)],
    ['Datagram', rows(objectIn(datagramItem))],
    ['Notice', rows(errorItem)],
    ['Packet', rows(objectIn(packetItem))],
    ['Topology', rows(topologySchema)],
    ['Behaviour', rows(behaviourSchema)],
    ['Probe', rows(behaviourSchema.shape.probe)],
  ];
  return parts.map(([heading, lines]) => `### ${heading}\n\n${lines.join('\n')}\n`).join('\n');
}

/** The document with its generated part renewed. */
export function withReference(document: string): string {
  const [written = ''] = document.split(BEGIN);
  return `${written}${BEGIN}\n\n${reference()}`;
}

function stepRows(verb: string, schema: z.ZodObject): string[] {
  const shape = schema.shape as Record<string, Schema>;
  const body = bare(shape[verb] ?? schema);
  const expect = shape['expect'] && bare(shape['expect']);
  const expected =
    expect instanceof z.ZodUnion ? expect.options.find((option) => option instanceof z.ZodObject) : undefined;
  return [
    ...(body instanceof z.ZodObject ? rows(body) : []),
    ...(expected instanceof z.ZodObject ? rows(expected, 'expect: ') : []),
  ];
}

function rows(schema: z.ZodObject, prefix = ''): string[] {
  return Object.entries(schema.shape as Record<string, Schema>).map(([key, value]) => {
    const required = value instanceof z.ZodOptional ? '' : ', required';
    const text = value instanceof z.ZodType ? (value.description ?? inner(value)) : '';
    return `- \`${prefix}${key}\` (${describe(value)}${required})${text === '' ? '' : `: ${text}`}`;
  });
}

/** The description of what an optional holds, unless it is that of every expression. */
function inner(schema: Schema): string {
  const s = bare(schema);
  const meta = z.globalRegistry.get(s);
  return meta?.title === undefined && isMapping(meta) ? (meta.description ?? '') : '';
}

function objectIn(schema: z.ZodUnion): z.ZodObject {
  const found = schema.options.find((option) => option instanceof z.ZodObject);
  if (!(found instanceof z.ZodObject)) throw new TypeError('no object among the options');
  return found;
}
