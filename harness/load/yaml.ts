/** Strict YAML 1.2 with a position for every value; what the case language does not need is refused. */
import { LineCounter, isScalar, parseDocument, visit, type Document, type Scalar } from 'yaml';
import type { Location } from '../contract/result.ts';
import { Unreadable, readText, requirePrintable } from './bytes.ts';
import { quote, type Problem } from './problem.ts';
import { Parsed, start, type YamlFile } from './yaml-file.ts';

/** Deepest nesting taken; the language itself needs 10. */
const MAX_DEPTH = 40;

/** Reads and parses a file. `shown` is the name used in problems. Never throws. */
export function readYaml(path: string, shown = path): Parse {
  return orUnreadable(shown, () => parseYaml(readText(path), shown));
}

interface Parse {
  readonly file: YamlFile | null;
  readonly problems: Problem[];
}

function orUnreadable(shown: string, parse: () => Parse): Parse {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    const { line, column } = error;
    return {
      file: null,
      problems: [{ file: shown, line, column, message: `cannot be read: ${error.message}` }],
    };
  }
}

/** Parses a text. `file` is null when there is no telling what the rest of it means. Never throws. */
export function parseYaml(text: string, shown: string): Parse {
  return orUnreadable(shown, () => {
    requirePrintable(text);
    return parsed(text, shown);
  });
}

function parsed(text: string, shown: string): Parse {
  const problems: Problem[] = [];
  const lines = new LineCounter();
  const place = (offset: number): Location => {
    const { line, col } = lines.linePos(offset);
    return { file: shown, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const report = (offset: number, message: string, more: Partial<Problem> = {}): void => {
    problems.push({ ...place(offset), message, ...more });
  };
  const deep = tooDeep(text);
  if (deep !== null) {
    const before = text.slice(0, deep).split('\n');
    const column = (before.at(-1) ?? '').length + 1;
    const message = `nested more than ${MAX_DEPTH} levels deep`;
    return { file: null, problems: [{ file: shown, line: before.length, column, message }] };
  }
  const document = parseDocument(text, {
    version: '1.2',
    strict: true,
    uniqueKeys: true,
    stringKeys: true,
    merge: false,
    prettyErrors: false,
    logLevel: 'error', // 'silent' would also silence MULTIPLE_DOCS
    lineCounter: lines,
  });
  for (const fault of [...document.errors, ...document.warnings]) {
    if (fault.code === 'TAG_RESOLVE_FAILED') continue; // refuse() names every tag
    report(fault.pos[0], sentence(fault.code, fault.message));
  }
  if (document.directives.yaml.explicit === true || Object.keys(document.directives.tags).length > 1)
    report(0, 'a % directive is not allowed: suites are always YAML 1.2');
  if (document.errors.length > 0 || problems.length > 0) return { file: null, problems };
  const aliases = refuse(document, report);
  if (document.contents === null) report(0, 'the file is empty', { expected: 'a mapping' });
  if (aliases || document.contents === null) return { file: null, problems };
  return { file: new Parsed(shown, document, place), problems };
}

/** Offset of the bracket that nests too deep, or null. Counts in flow style and by indentation, before parsing. */
function tooDeep(text: string): number | null {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '[' || c === '{') depth++;
    else if (c === ']' || c === '}') depth = Math.max(0, depth - 1);
    else if (c === '\n') {
      // A line of block style: its indentation and its leading dashes and question marks each open a level.
      const head = /^(?: *[-?](?= ))*/.exec(text.slice(i + 1, i + 1 + 4 * MAX_DEPTH))?.[0] ?? '';
      if (head.replaceAll(' ', '').length > MAX_DEPTH) return i + 1;
      if (/^\S/.test(text.slice(i + 1, i + 2))) depth = 0;
    }
    if (depth > MAX_DEPTH) return i;
  }
  return /^(?:[-?] ){40}/.test(text) ? 0 : null;
}

type Report = (offset: number, message: string, more?: Partial<Problem>) => void;

/** Aliases, tags, merge keys and numbers that mean something else than they seem to; true when there are aliases. */
function refuse(document: Document.Parsed, report: Report): boolean {
  let aliases = false;
  visit(document, {
    Alias: (_, node) => {
      aliases = true;
      report(start(node), `the alias *${node.source} is not allowed: the case language has no aliases`);
    },
    Pair: (_, pair) => {
      if (isScalar(pair.key) && pair.key.value === '<<')
        report(start(pair.key), 'the merge key << is not allowed: write the keys out');
    },
    Node: (key, node) => {
      if (node.anchor !== undefined)
        report(start(node), `the anchor &${node.anchor} is not allowed: the case language has no aliases`);
      if (node.tag !== undefined)
        report(start(node), `the tag ${quote(node.tag)} is not allowed: the case language has no tags`);
      if (key !== 'key' && isScalar(node)) refuseNumber(node, report);
    },
  });
  return aliases;
}

function refuseNumber(node: Scalar, report: Report): void {
  if (typeof node.value !== 'number') return;
  const source = node.source ?? '';
  if (!Number.isFinite(node.value))
    report(start(node), `${source} is read as a number`, { expected: `text: write "${source}" in quotes` });
  else if (Number.isInteger(node.value) && !Number.isSafeInteger(node.value))
    report(start(node), `${source} is too large: YAML readers lose its last digits`);
  else if (/^[-+]?0\d/.test(source))
    report(start(node), `${source} could be meant as octal`, { expected: 'no leading 0' });
}

const SENTENCES: Readonly<Record<string, string>> = {
  MULTIPLE_DOCS: 'a second document begins here: a file holds one',
  DUPLICATE_KEY: 'this key is given twice',
  TAB_AS_INDENT: 'a tab indents this line: YAML wants spaces',
  NON_STRING_KEY: 'a key must be plain text',
};

function sentence(code: string, message: string): string {
  return SENTENCES[code] ?? (message.split('\n')[0] ?? message).replace(/[.:]$/, '');
}
