import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { planProblems } from '../plan/lint.ts';
import { loadProject, type Project } from './project.ts';
import { formatProblem, sortProblems, type Problem } from './problem.ts';
import { suiteFrom } from './suite.ts';
import { parseYaml } from './yaml.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const folder = join(ROOT, 'suites', 'udp-gso');
const suites = readdirSync(folder)
  .filter((name) => name.endsWith('.yaml'))
  .sort()
  .map((name) => readFileSync(join(folder, name), 'utf8'));
const base = loadProject(ROOT);

/** mulberry32: the same mutants on every machine. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below);
  };
}

type Mutate = (text: string, below: (n: number) => number) => string;

const lineAt = (text: string, below: (n: number) => number, pattern = /\S/): [lines: string[], i: number] => {
  const lines = text.split('\n');
  const fitting = [...lines.keys()].filter((i) => pattern.test(lines[i] ?? ''));
  return [lines, fitting[below(fitting.length)] ?? 0];
};

/** Whatever may happen to a file: some of these leave it valid. */
const ANY: Readonly<Record<string, Mutate>> = {
  'a letter of a key changed'(text, below) {
    const keys = [...text.matchAll(/[a-z_]+(?=:)/g)];
    const key = keys[below(keys.length)];
    const at = (key?.index ?? 0) + below(key?.[0].length ?? 1);
    return `${text.slice(0, at)}${'qxzj'[below(4)] ?? 'q'}${text.slice(at + 1)}`;
  },
  'a line deleted'(text, below) {
    const [lines, i] = lineAt(text, below);
    return lines.toSpliced(i, 1).join('\n');
  },
  'a line doubled'(text, below) {
    const [lines, i] = lineAt(text, below);
    return lines.toSpliced(i, 0, lines[i] ?? '').join('\n');
  },
  'two lines swapped'(text, below) {
    const [lines, i] = lineAt(text, below);
    return lines.toSpliced(i, 2, lines[i + 1] ?? '', lines[i] ?? '').join('\n');
  },
  'indentation changed'(text, below) {
    const [lines, i] = lineAt(text, below, /^ +\S/);
    return lines.with(i, below(2) === 0 ? ` ${lines[i] ?? ''}` : (lines[i] ?? '').slice(1)).join('\n');
  },
  'a bit flipped'(text, below) {
    const bytes = Buffer.from(text);
    const at = below(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << below(7));
    return bytes.toString('latin1');
  },
  'cut off'(text, below) {
    return text.slice(0, 1 + below(text.length - 1));
  },
  'a value of another type'(text, below) {
    const [lines, i] = lineAt(text, below, /: [^{[|>]/);
    const value = ['[]', '{}', 'null', '3.5', 'true', '-1', '""', '[[1]]'][below(8)] ?? '';
    return lines.with(i, (lines[i] ?? '').replace(/: .*/, `: ${value}`)).join('\n');
  },
  'a bracket lost'(text, below) {
    const brackets = [...text.matchAll(/[[\]{}"']/g)];
    const at = brackets[below(brackets.length)]?.index ?? 0;
    return text.slice(0, at) + text.slice(at + 1);
  },
  'a stretch repeated'(text, below) {
    const at = below(text.length);
    const end = at + below(400);
    return text.slice(0, end) + text.slice(at, end) + text.slice(end);
  },
};

/** What can never be valid. */
const SURELY_WRONG: Readonly<Record<string, Mutate>> = {
  'an unknown key'(text, below) {
    const [lines, i] = lineAt(text, below, /^ {2,4}[a-z-]+:/);
    const line = lines[i] ?? '';
    const indent = /^ */.exec(line)?.[0] ?? '';
    return lines.toSpliced(i, 0, `${indent}Qx${below(1000)}: 1`).join('\n');
  },
  'a misspelt verb or key of the language'(text, below) {
    const keys = [
      ...text.matchAll(
        // Where a key can stand, not in a comment or in the middle of a sentence.
        /(?<=^[ -]*|^[^#\n]*[{,] )(?:rule|steps|open|send|receive|expect|datagrams|socket|bytes|cases|title|source)(?=:)/gm,
      ),
    ];
    const at = keys[below(keys.length)]?.index ?? 0;
    return `${text.slice(0, at)}q${text.slice(at)}`;
  },
  'no rule'(text, below) {
    const [lines, i] = lineAt(text, below, /^ {4}rule:/);
    return lines.toSpliced(i, 1).join('\n');
  },
  'a case given twice'(text, below) {
    const [lines, i] = lineAt(text, below, /^ {2}[a-z][\w-]*:$/);
    return `${text.trimEnd()}\n${lines[i] ?? ''}\n    rule: again\n    send: { bytes: 1 }\n    expect: { datagrams: [1] }\n`;
  },
  'an unknown errno'(text, below) {
    return `${text.trimEnd()}\n  mutant:\n    rule: r\n    send: { bytes: 1 }\n    expect: { error: EMUTANT${below(100)} }\n`;
  },
  'an unknown name in an expression'(text, below) {
    return `${text.trimEnd()}\n  mutant:\n    rule: r\n    send: { bytes: mutant${below(100)} + 1 }\n    expect: { error: EIO }\n`;
  },
  'an alias'(text, below) {
    const [lines, i] = lineAt(text, below, /^[^#]*: [a-z0-9]+$|^title: /);
    return lines.with(i, (lines[i] ?? '').replace(/: .*/, ': *mutant')).join('\n');
  },
  'a tab for indentation'(text, below) {
    const [lines, i] = lineAt(text, below, /^ {4}[a-z]/);
    return lines.with(i, `\t${(lines[i] ?? '').trimStart()}`).join('\n');
  },
  'a NUL byte'(text, below) {
    const at = below(text.length);
    return `${text.slice(0, at)}\0${text.slice(at)}`;
  },
  'a second document'(text) {
    return `${text}\n---\ntitle: more\n`;
  },
};

/** Everything lint finds in a text that stands where a suite does; null when it is sound. */
function lint(text: string): readonly Problem[] {
  const { file, problems } = parseYaml(text, 'mutant.yaml');
  if (!file) return problems;
  const around = { topologies: base.topologies, broken: new Set<string>(), behaviours: base.behaviours };
  const loaded = suiteFrom(file, 'area/mutant', around);
  const all = [...problems, ...loaded.problems];
  if (all.length > 0 || !loaded.suite) return sortProblems(all);
  const project: Project = {
    ...base,
    suites: [loaded.suite],
    behaviours: { ...base.behaviours, list: [] },
    knownIssues: [],
    problems: [],
  };
  return planProblems(project);
}

function placed(problems: readonly Problem[], text: string): boolean {
  const lines = text.split('\n').length;
  return problems.every(
    ({ file, line, column, message }) =>
      file === 'mutant.yaml' && line >= 1 && line <= lines + 1 && column >= 1 && message.length > 0,
  );
}

function mutants(
  kinds: Readonly<Record<string, Mutate>>,
  count: number,
): { name: string; text: string; original: string }[] {
  const names = Object.keys(kinds);
  return Array.from({ length: count }, (_, seed) => {
    const below = random(seed + 1);
    const name = names[seed % names.length] ?? '';
    const original = suites[below(suites.length)] ?? '';
    return { name: `${name} (seed ${seed})`, text: kinds[name]?.(original, below) ?? '', original };
  });
}

test('the suites themselves have no problems', (t) => {
  t.same(base.problems.map(formatProblem), []);
  t.ok(suites.length > 10);
  t.end();
});

test(
  '200 mutated suites are still valid or have problems at places that exist',
  { timeout: 300_000 },
  (t) => {
    let invalid = 0;
    for (const { name, text, original } of mutants(ANY, 200)) {
      const problems = lint(text);
      if (problems.length > 0) invalid++;
      t.ok(placed(problems, text), `${name}: ${problems.map(formatProblem).join(' | ')}`);
      t.not(text, original, `${name}: changed something`);
    }
    t.ok(invalid > 100, `${invalid} of them are invalid`);
    t.end();
  },
);

test('200 surely invalid suites each have a problem at a place that exists', { timeout: 300_000 }, (t) => {
  for (const { name, text } of mutants(SURELY_WRONG, 200)) {
    const problems = lint(text);
    t.ok(problems.length > 0, `${name}: has a problem`);
    t.ok(placed(problems, text), `${name}: ${problems.map(formatProblem).join(' | ')}`);
    t.notMatch(
      problems.map(formatProblem).join('\n'),
      /at .*\.ts:\d+|undefined|\[object/,
      `${name}: no stack, no leak`,
    );
  }
  t.end();
});
