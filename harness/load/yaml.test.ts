import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'tap';
import { formatProblem } from './problem.ts';
import { parseYaml, readYaml } from './yaml.ts';

/** `text` has exactly these problems, in the notation `line:column: message…`. */
const REFUSED: readonly (readonly [claim: string, text: string, ...problems: RegExp[]])[] = [
  ['an alias bomb', bomb(), /^1:\d+: the anchor &a0/],
  ['an alias', 'a: &x 1\nb: *x\n', /^1:7: the anchor &x/, /^2:4: the alias \*x is not allowed/],
  ['an unknown alias', 'a: *nobody\n', /^1:4: .*alias/],
  ['a duplicate key', 'a: 1\nb: 2\na: 3\n', /^3:1: this key is given twice/],
  ['an unknown tag', 'a: !thing 1\n', /^1:11: the tag "!thing"/],
  ['a binary tag', 'a: !!binary aGk=\n', /^1:\d+: .*tag/],
  ['a merge key', 'a: {}\nb:\n  <<: {}\n', /^3:3: the merge key <<.*; expected|^3:3: the merge key/],
  ['two documents', 'a: 1\n---\nb: 2\n', /^2:1: a second document begins here/],
  ['a YAML 1.1 directive', '%YAML 1.1\n---\na: yes\n', /^1:1: .*directive/],
  ['a tag directive', '%TAG !e! tag:example.org,2000:\n---\na: 1\n', /^1:1: a % directive/],
  ['a number that loses digits', 'a: 12345678901234567890\n', /^1:4: 12345678901234567890 is too large/],
  [
    'a commit hash that reads as a number',
    'a: 158390e45612\n',
    /^1:4: 158390e45612 is read as a number; expected text: write "158390e45612" in quotes/,
  ],
  ['a number that could be octal', 'mode: 0644\n', /^1:7: 0644 could be meant as octal/],
  ['infinity', 'a: .inf\n', /^1:4: .inf is read as a number/],
  ['a mapping as key', '? { a: 1 }\n: 2\n', /^1:3: a key must be plain text/],
  ['a tab as indentation', 'a:\n\tb: 1\n', /^2:\d: /],
  ['an unclosed quote', 'a: "text\nb: 1\n', /^\d+:\d+: /],
  ['an unclosed bracket', 'a: [1, 2\n', /^\d+:\d+: /],
  ['an empty file', '', /^1:1: the file is empty/],
  ['a file of comments', '# nothing\n', /^\d+:\d+: the file is empty/],
  ['brackets nested without end', '['.repeat(500_000), /^1:41: nested more than 40 levels deep/],
  ['braces nested without end', '{a: '.repeat(200_000), /^1:161: nested more than 40/],
  ['dashes nested without end', `a:\n${'- '.repeat(300_000)}`, /^2:1: nested more than 40/],
  ['dashes nested from the first line on', '- '.repeat(300_000), /^1:1: nested more than 40/],
];

function bomb(): string {
  const lines = ['a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]'];
  for (let i = 1; i < 10; i++)
    lines.push(`a${i}: &a${i} [${Array.from({ length: 9 }, () => `*a${i - 1}`).join(', ')}]`);
  return lines.join('\n');
}

const notation = (text: string): string[] =>
  parseYaml(text, 'f').problems.map((problem) => formatProblem(problem).replace(/^f:/, ''));

test('YAML that could be misread is refused at its place', (t) => {
  for (const [claim, text, ...expected] of REFUSED) {
    const said = notation(text);
    t.ok(said.length >= expected.length && said.length > 0, `${claim}: has problems`);
    for (const [i, pattern] of expected.entries()) t.match(said[i], pattern, claim);
  }
  t.end();
});

test('what is not refused means what it says', (t) => {
  const { file, problems } = parseYaml("a: yes\nb: 12:30\nc: 1_000\nd: '010'\ne: 0x10\nf: 0b11\n", 'f');
  t.same(problems, []);
  t.same(file?.value, { a: 'yes', b: '12:30', c: '1_000', d: '010', e: 16, f: '0b11' });
  t.end();
});

test('every value has a place', (t) => {
  const { file } = parseYaml('a:\n  - { b: 1, c: "x + y" }\n  - d: >-\n      folded\n      text\n', 'f');
  const spot = ({ line, column }: { line: number; column: number }): string => `${line}:${column}`;
  if (!file) throw new Error('no file');
  t.equal(spot(file.at(['a', 0, 'b'])), '2:10', 'a value');
  t.equal(spot(file.key(['a', 0, 'b'])), '2:7', 'a key');
  t.equal(spot(file.at(['a', 0, 'missing'])), '2:5', 'what is missing: the mapping it should be in');
  t.equal(spot(file.inside(['a', 0, 'c'], 4)), '2:21', 'a character inside quoted text');
  t.equal(spot(file.inside(['a', 1, 'd'], 7)), spot(file.at(['a', 1, 'd'])), 'folded text: its start');
  t.equal(file.source(['a', 0, 'b']), '1');
  t.end();
});

test('any file gets an answer', (t) => {
  const folder = t.testdir({ 'good.yaml': 'a: 1\n', folder: {} });
  const path = (name: string): string => join(folder, name);
  writeFileSync(path('large.yaml'), `a: ${'x'.repeat(10 * 1024 * 1024)}\n`);
  writeFileSync(path('nul.yaml'), 'a: 1\nb: \0\n');
  writeFileSync(path('latin1.yaml'), Buffer.from('a: 1\nb: caf\xe9\n', 'latin1'));
  writeFileSync(path('utf16.yaml'), Buffer.from('\ufeffa: 1\n', 'utf16le'));
  writeFileSync(path('elf.yaml'), Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0]));
  writeFileSync(path('bom.yaml'), '\ufeffa: 1\n');
  symlinkSync('loop.yaml', path('loop.yaml'));
  mkdirSync(path('folder.yaml'));
  execFileSync('mkfifo', [path('pipe.yaml')]);
  const said = (name: string): string => readYaml(path(name), name).problems.map(formatProblem).join('\n');
  t.equal(said('good.yaml'), '');
  t.equal(said('bom.yaml'), '', 'a byte order mark is harmless');
  t.match(said('large.yaml'), /^large.yaml:1:1: cannot be read: it is larger than 1024 KiB/);
  t.match(said('nul.yaml'), /^nul.yaml:2:4: .*control character U\+0000/);
  t.match(said('latin1.yaml'), /^latin1.yaml:2:7: .*not UTF-8/);
  t.match(said('utf16.yaml'), /^utf16.yaml:1:1: .*UTF-16/);
  t.match(said('elf.yaml'), /^elf.yaml:1:1: .*control character/);
  t.match(said('folder.yaml'), /it is a folder/);
  t.match(said('pipe.yaml'), /it is a pipe/, 'and nobody waits for a writer');
  t.match(said('loop.yaml'), /symbolic links go round/);
  t.match(said('missing.yaml'), /there is no such file/);
  t.match(said('good.yaml/x'), /a part of its path is no folder/);
  t.match(readYaml('/dev/zero').problems[0]?.message, /pipe, socket or device/);
  t.end();
});

test('no text makes the reader throw, and a text without value has a problem', (t) => {
  const fragments = fc.constantFrom(
    'a',
    ': ',
    '- ',
    '\n',
    '  ',
    '{',
    '}',
    '[',
    ']',
    ',',
    '"',
    "'",
    '|',
    '>',
    '&x ',
    '*x',
    '!t ',
    '#',
    '%',
    '---\n',
    '? ',
    '<<',
    '\t',
    '1e9',
    '\u2028',
  );
  const texts = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.array(fragments, { maxLength: 60 }).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const { file, problems } = parseYaml(text, 'f');
      const lines = text.split('\n').length;
      return (
        (file !== null || problems.length > 0) &&
        problems.every(({ line, column }) => line >= 1 && line <= lines + 1 && column >= 1)
      );
    }),
    { numRuns: 1000, seed: 1 },
  );
  t.end();
});
