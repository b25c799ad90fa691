/** CEL expressions: compiled once, checked against the names in scope, evaluated without side effects. */
import { Environment, type ASTNode } from '@marcbachmann/cel-js';

export type CelType = 'int' | 'string' | 'bool' | 'dyn';
export type Value = number | string | boolean;
/** Names in scope and their types. */
export type Names = ReadonlyMap<string, CelType>;

export interface Compiled {
  /** Type of the result, as far as it is known before evaluation. */
  readonly type: CelType;
  /** Names the expression reads. */
  readonly names: ReadonlySet<string>;
  /** Behaviours it asks for by has(). */
  readonly behaviours: ReadonlySet<string>;
  /** May throw {@link CelFault}. `has` answers has("slug"). */
  evaluate(context: Readonly<Record<string, unknown>>, has: (behaviour: string) => boolean): Value;
}

/** Why an expression cannot be used; `offset` counts characters from its start. */
export class CelFault extends Error {
  readonly offset: number;
  /** The word that is not known, when that is the reason. */
  readonly unknown?: string;
  constructor(message: string, offset: number, unknown?: string) {
    super(message);
    this.offset = offset;
    if (unknown !== undefined) this.unknown = unknown;
  }
}

/** Longest expression, in characters. */
const MAX_LENGTH = 500;
const LIMITS = { maxAstNodes: 200, maxDepth: 30, maxListElements: 64, maxMapEntries: 0, maxCallArguments: 4 };

/** What has() asks while an expression is evaluated; evaluation is synchronous, so one place is enough. */
let answer: (behaviour: string) => boolean = () => false;

const base = new Environment({ limits: LIMITS }).registerFunction('HAS(string): bool', (name: string) =>
  answer(name),
);
base.clone();

interface NamedEnvironment {
  readonly cel: Environment;
  readonly compiled: Map<string, Compiled>;
}

const bySignature = new Map<string, NamedEnvironment>();
/** Names in scope only ever grow, so their number tells whether the environment is still theirs. */
const byNames = new WeakMap<Names, { readonly size: number; readonly environment: NamedEnvironment }>();

function environment(names: Names): NamedEnvironment {
  const last = byNames.get(names);
  if (last?.size === names.size) return last.environment;
  const signature = [...names].map(([name, type]) => `${name}:${type}`).join(' ');
  let known = bySignature.get(signature);
  if (!known) {
    const cel = base.clone();
    for (const [name, type] of names) cel.registerVariable(alias(name), type);
    known = { cel, compiled: new Map() };
    bySignature.set(signature, known);
  }
  byNames.set(names, { size: names.size, environment: known });
  return known;
}

/** Compiles `text` for the names in scope; throws {@link CelFault}. */
export function compile(text: string, names: Names): Compiled {
  const { cel, compiled } = environment(names);
  const known = compiled.get(text);
  if (known) return known;
  const made = plainName(text, names) ?? parsed(text, cel);
  compiled.set(text, made);
  return made;
}

/** Most expressions are one name: no parser needed. */
function plainName(text: string, names: Names): Compiled | null {
  const type = names.get(text);
  if (type === undefined) return null;
  const evaluate: Compiled['evaluate'] = (context) => native(context[alias(text)], 0);
  return { type, names: new Set([text]), behaviours: new Set(), evaluate };
}

function parsed(text: string, cel: Environment): Compiled {
  if (text.trim() === '') throw new CelFault('the expression is empty', 0);
  if (text.length > MAX_LENGTH) throw new CelFault(`longer than ${MAX_LENGTH} characters`, 0);
  const names = new Set<string>();
  const behaviours = new Set<string>();
  try {
    const run = cel.parse(
      text.replace(TAKEN, (match) => (/^["']/.test(match) ? match : match.toUpperCase())),
    );
    walk(run.ast, names, behaviours);
    const checked = run.check();
    if (checked.error) throw checked.error;
    return {
      type: kind(checked.type ?? 'dyn'),
      names,
      behaviours,
      evaluate(context, has) {
        answer = has;
        try {
          return native(run(context), 0);
        } catch (error) {
          throw fault(error);
        }
      },
    };
  } catch (error) {
    throw fault(error);
  }
}

/**
 * Names that CEL has taken: the macro has() for fields, and its types. Authors use them for behaviours and axes, so they
 * are written in upper case, in which no name of ours is; the length stays, and with it every column.
 */
const TYPES = 'int|uint|double|string|bool|bytes|type|list|map|cel|optional|google|null_type';
const TAKEN = new RegExp(
  `"(?:[^"\\\\]|\\\\.)*"|'(?:[^'\\\\]|\\\\.)*'|\\bhas(?=\\s*\\()|\\b(?:${TYPES})\\b(?!\\s*\\()`,
  'g',
);
const TYPE_NAME = new RegExp(`^(?:${TYPES})$`);

const aliases = new Map<string, string>();

function alias(name: string): string {
  let known = aliases.get(name);
  if (known === undefined) {
    known = TYPE_NAME.test(name) ? name.toUpperCase() : name;
    aliases.set(name, known);
  }
  return known;
}

interface RawNode {
  readonly op: string;
  readonly args: unknown;
  readonly start?: number;
}

/** Collects names and behaviours, and refuses what could run long: macros over lists are method calls. */
function walk(node: ASTNode | RawNode, names: Set<string>, behaviours: Set<string>): void {
  const { op, args, start = 0 } = node;
  if (op === 'id') names.add(String(args).toLowerCase());
  if (op === 'rcall') throw new CelFault('methods and macros are not part of these expressions', start);
  if (op === 'call' && Array.isArray(args) && args[0] === 'HAS') {
    const [slug, ...more] = args[1] as RawNode[];
    if (slug?.op !== 'value' || typeof slug.args !== 'string' || more.length > 0)
      throw new CelFault('has() takes one behaviour name in quotes', start);
    behaviours.add(slug.args);
  }
  if (Array.isArray(args)) descend(args, names, behaviours);
  else if (isNode(args)) walk(args, names, behaviours);
}

function descend(list: readonly unknown[], names: Set<string>, behaviours: Set<string>): void {
  for (const item of list) {
    if (Array.isArray(item)) descend(item, names, behaviours);
    else if (isNode(item)) walk(item, names, behaviours);
  }
}

function isNode(value: unknown): value is RawNode {
  return typeof value === 'object' && value !== null && 'op' in value;
}

/** The library's error in our words. */
function fault(error: unknown): CelFault {
  if (error instanceof CelFault) return error;
  const {
    code = '',
    summary,
    range,
  } = error as { code?: string; summary?: string; range?: { start: number } };
  if (summary === undefined) return new CelFault(error instanceof Error ? error.message : String(error), 0);
  const offset = range?.start ?? 0;
  if (code === 'unknown_variable') {
    const name = summary.replace(/^Unknown variable: /, '').toLowerCase();
    return new CelFault(`unknown name ${JSON.stringify(name)}`, offset, name);
  }
  const text = summary
    .replaceAll('HAS', 'has')
    .replace('Unexpected token: EOF', 'something is missing at its end')
    .replace(/^./, (c) => c.toLowerCase());
  return new CelFault(text, offset);
}

function kind(type: string): CelType {
  if (type === 'int' || type === 'string' || type === 'bool' || type === 'dyn') return type;
  throw new CelFault(`gives a ${type}`, 0);
}

function native(value: unknown, offset: number): Value {
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  throw new CelFault(`gives a ${typeof value}, not an integer, text or boolean`, offset);
}

/** Values as CEL wants them: integers are 64-bit. */
export function celContext(values: ReadonlyMap<string, Value>): Record<string, unknown> {
  const context: Record<string, unknown> = {};
  for (const [name, value] of values)
    context[alias(name)] = typeof value === 'number' ? BigInt(value) : value;
  return context;
}
