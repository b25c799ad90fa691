/** Checks every expression and every name of a case: does it exist, does it have the right type? */
import { isIP } from 'node:net';
import { canonicalErrno, ERRNO_NAMES } from '../abi/errno.ts';
import { MSG_FLAGS } from '../abi/flags.ts';
import { LEVELS, levelNumber } from '../abi/levels.ts';
import { LINK_KINDS, QDISCS } from '../contract/topology.ts';
import { SOCKET_OPTIONS, optionNumber } from '../abi/options.ts';
import type { BehaviourTable } from './behaviour-table.ts';
import type { Report } from './case.ts';
import { checkAlternatives, type Alternative } from './check-alternatives.ts';
import { CelFault, compile, type CelType, type Names, type Value } from './cel.ts';
import { DERIVED } from './names.ts';
import { nearHint, oneOf, quote } from './problem.ts';
import type { Axes, Meaning } from './schema/common.ts';
import type { CaseYaml } from './schema/suite.ts';
import { isPrefix } from './topology.ts';
import { visitCase } from './validate-case.ts';
import { isMapping } from './walk.ts';
import type { Path, YamlFile } from './yaml-file.ts';

/** What a target can be asked for. */
export const NEEDS: readonly string[] = [
  ...LINK_KINDS.slice(1),
  ...QDISCS,
  'rules',
  'udplite',
  'xfrm',
  'ipv6',
];

export interface Context {
  /** A file with problems may define names that are missing here: unknown ones are not reported then. */
  readonly doubtful: boolean;
  readonly axes: Axes;
  readonly parameters: Readonly<Record<string, Value>>;
  readonly names: Names;
  readonly behaviours: BehaviourTable;
  readonly file: YamlFile;
  readonly report: Report;
}

export function checkMeanings(yaml: CaseYaml, path: Path, context: Context): void {
  visitCase(yaml, path, (meaning, value, at) => {
    if (at[path.length] === 'let') return;
    checkMeaning(meaning, value, at, context);
  });
}

/** Names of one meaning: the known ones, and whether a word is right. */
interface Lexicon {
  readonly what: string;
  readonly known: readonly string[];
  readonly right?: (word: string) => boolean;
}

const ENDS = ['sender', 'receiver'];
const LEXICA: Readonly<Partial<Record<Meaning, Lexicon>>> = {
  errno: { what: 'errno', known: ERRNO_NAMES, right: (word) => canonicalErrno(word) === word },
  flag: { what: 'flag', known: Object.keys(MSG_FLAGS) },
  level: { what: 'level', known: Object.keys(LEVELS), right: (word) => levelNumber(word) !== undefined },
  option: {
    what: 'option',
    known: [...SOCKET_OPTIONS.keys()],
    right: (word) => optionNumber(word) !== undefined,
  },
  endpoint: { what: 'endpoint', known: ENDS },
  address: {
    what: 'address',
    known: [...ENDS, 'any', 'none'],
    right: (word) => isIP(word) !== 0,
  },
  prefix: { what: 'address with prefix length', known: ENDS, right: isPrefix },
  family: { what: 'family', known: ['ipv4', 'ipv6'] },
  protocol: { what: 'protocol', known: ['udp', 'udplite'] },
  need: { what: 'capability', known: NEEDS },
};

function checkMeaning(meaning: Meaning, value: unknown, path: Path, context: Context): void {
  if (meaning === 'alternatives') {
    checkAlternatives(value as readonly Alternative[], path, context.report);
    return;
  }
  if (meaning === 'options') {
    if (isMapping(value))
      for (const name of Object.keys(value)) checkWord('option', name, [...path, name], context, 'key');
    return;
  }
  if (meaning === 'size' || meaning === 'condition' || meaning === 'any') {
    if (meaning === 'size' && namedOptionValue(value, path)) return;
    checkTyped(meaning, value, path, context);
    return;
  }
  if (typeof value !== 'string') return;
  for (const word of words(value, path, context)) checkWord(meaning, word, path, context, 'at');
}

/** `options: { IP_MTU_DISCOVER: probe }`: some options have values with names. */
function namedOptionValue(value: unknown, path: Path): boolean {
  const option = SOCKET_OPTIONS.get(String(path.at(-1)));
  if (typeof value !== 'string' || path.at(-2) !== 'options' || !option) return false;
  return option.encoding === 'string' || (option.values !== undefined && value in option.values);
}

/** The words a text can stand for: itself, or each value of the axis behind `$axis`. */
function words(value: string, path: Path, { axes, parameters, doubtful, report }: Context): string[] {
  if (!value.startsWith('$')) return [value];
  const name = value.slice(1);
  const values = axes[name] ?? (parameters[name] === undefined ? undefined : [parameters[name]]);
  if (values) return values.map(String);
  if (doubtful) return [];
  const known = [...Object.keys(axes), ...Object.keys(parameters)];
  report(path, `unknown axis ${quote(value)}`, {
    expected: oneOf(known.map((n) => `$${n}`)),
    ...nearHint(name, known),
  });
  return [];
}

function checkWord(
  meaning: Meaning,
  word: string,
  path: Path,
  { report }: Context,
  spot: 'at' | 'key',
): void {
  const lexicon = LEXICA[meaning];
  if (!lexicon || lexicon.known.includes(word) || lexicon.right?.(word) === true) return;
  const canonical = meaning === 'errno' ? canonicalErrno(word) : undefined;
  const near = canonical === undefined ? nearHint(word, lexicon.known) : { near: canonical };
  const expected = lexicon.known.length <= 24 ? { expected: oneOf(lexicon.known) } : {};
  report(path, `unknown ${lexicon.what} ${quote(word)}`, { ...expected, ...near }, spot);
}

function checkTyped(
  meaning: 'size' | 'condition' | 'any',
  value: unknown,
  path: Path,
  context: Context,
): void {
  if (meaning === 'condition' && typeof value === 'string' && isBehaviour(value, path, context)) return;
  const type = checkExpression(value, path, context);
  const wanted = { size: 'int', condition: 'bool', any: null }[meaning];
  if (type === null || type === 'dyn' || wanted === null || type === wanted) return;
  const expected = wanted === 'int' ? 'an integer' : "a behaviour's name, or true or false";
  context.report(
    path,
    `gives ${type === 'int' ? 'an integer' : type === 'bool' ? 'true or false' : 'text'}`,
    { expected },
  );
}

/** Whether a condition is a behaviour's name; reports it when it can only be meant as one and there is none. */
function isBehaviour(value: string, path: Path, { names, behaviours, doubtful, report }: Context): boolean {
  if (behaviours.names.has(value)) return true;
  if (!/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(value) || names.has(value) || value === 'true' || value === 'false')
    return false;
  if (!doubtful) report(path, `unknown behaviour ${quote(value)}`, nearHint(value, behaviours.names));
  return true;
}

/** Compiles an expression and reports what is wrong with it; its type, or null. */
export function checkExpression(value: unknown, path: Path, context: Context): CelType | null {
  const { names, behaviours, doubtful, file, report } = context;
  if (typeof value === 'number') return 'int';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value !== 'string') return null;
  if (value.startsWith('$')) {
    const [first] = words(value, path, context);
    return first === undefined ? null : (names.get(value.slice(1)) ?? 'dyn');
  }
  try {
    const compiled = compile(value, names);
    for (const slug of compiled.behaviours) {
      if (!behaviours.names.has(slug) && !doubtful)
        report(path, `unknown behaviour ${quote(slug)}`, nearHint(slug, behaviours.names));
    }
    return compiled.type;
  } catch (error) {
    if (!(error instanceof CelFault)) throw error;
    if (doubtful && error.unknown !== undefined) return null;
    const { line, column } = file.inside(path, error.offset);
    report(path, error.message, {
      line,
      column,
      ...(error.unknown === undefined ? {} : unknownName(error.unknown, names)),
    });
    return null;
  }
}

function unknownName(name: string, names: Names): { expected?: string; near?: string } {
  if ((DERIVED as readonly string[]).includes(name))
    return {
      expected: `an axis "family"${name === 'mss' ? ' and an axis or parameter "mtu"' : ''}, which ${name} is computed from`,
    };
  return { expected: oneOf([...names.keys(), 'has("…")']), ...nearHint(name, names.keys()) };
}
