import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { knownIssuesFrom } from './known-issues.ts';
import { formatProblem } from './problem.ts';
import { projectFileFrom, resolveProfile } from './project-file.ts';
import { publishedSchemas } from './schema/json-schema.ts';
import { parseYaml } from './yaml.ts';

const ROOT = new URL('../../', import.meta.url);
const cases = ['udp-gso/limits/a[family=ipv4]', 'udp-gso/limits/b'].map((id) => ({ id, tags: ['quick'] }));

function issues(text: string): { issues: unknown; problems: string[] } {
  const { file, problems } = parseYaml(text, 'known.yaml');
  if (!file) return { issues: [], problems: problems.map(formatProblem) };
  const loaded = knownIssuesFrom(file, cases);
  return { issues: loaded.issues, problems: loaded.problems.map(formatProblem) };
}

const good = `issues:
  - cases: [udp-gso/limits/a]
    from: '6.1'
    outcome: crash
    fingerprint: warning x
    reason: r
    link: https://example.org/1
    expires: 2027-03-31
`;

t.test('a known issue is read with its place', (t) => {
  const { issues: read, problems } = issues(good);
  t.same(problems, []);
  t.match(read, [{ cases: ['udp-gso/limits/a'], outcome: 'crash', where: { line: 2, column: 5 } }]);
  t.same(issues('issues: []\n').problems, []);
  t.end();
});

t.test('what is wrong with a known issue is named with its place, and what would be right', (t) => {
  for (const [from, to, problem] of [
    ['link: https://example.org/1', 'lnk: x', /known.yaml:7:5: unknown key "lnk".*did you mean "link"/],
    ['    link: https://example.org/1\n', '', /2:5: .*"link"/],
    ['2027-03-31', '2027-02-30', /known.yaml:8:14: .*calendar/],
    ['2027-03-31', 'soon', /known.yaml:8:14: .*2027-03-31/],
    ['outcome: crash', 'outcome: fail', /known.yaml:5:5: only a crash has a fingerprint/],
    ['outcome: crash', 'outcome: pass', /known.yaml:4:14: /],
    ["'6.1'", '6.1', /known.yaml:3:11: /],
    ['limits/a', 'limit/a', /known.yaml:2:13: no case matches "udp-gso\/limit\/a"/],
    ['https://example.org/1', 'none', /known.yaml:7:11: /],
  ] as const)
    t.match(issues(good.replace(from, to)).problems.join('\n'), problem, to);
  t.end();
});

function project(text: string): ReturnType<typeof projectFileFrom> & { told: string[] } {
  const { file } = parseYaml(text, 'segproof.yaml');
  if (!file) throw new Error('no YAML');
  const loaded = projectFileFrom(file);
  return { ...loaded, told: loaded.problems.map(formatProblem) };
}

t.test('names of kernels and selections in a profile stand for what they hold', (t) => {
  const { file, told } = project(`
kernels: { lts: ['6.1', '6.12'] }
selections: { quick: ['@quick', udp-gso/limits] }
default: nightly
profiles: { nightly: { kernels: [lts, '7.3', '6.1'], select: [quick], jobs: 2, deadline: 30m } }
`);
  t.same(told, []);
  const profile = file?.profiles['nightly'];
  if (!file || !profile) throw new Error('no profile');
  t.same(resolveProfile(file, profile), {
    kernels: ['6.1', '6.12', '7.3'],
    select: ['@quick', 'udp-gso/limits'],
    jobs: 2,
    deadline: '30m',
  });
  t.end();
});

t.test('what is wrong with a project file is named with its place', (t) => {
  for (const [text, problem] of [
    [
      'default: nihgtly\nprofiles: { nightly: {} }',
      /1:10: there is no profile "nihgtly".*did you mean "nightly"/,
    ],
    ['profiles: { a: { deadline: 3 days } }', /1:28: "3 days" is no time; expected such as 90s/],
    ['profiles: { a: { kernels: [6.1] } }', /1:28: .*text/],
    ['profiles: { a: { job: 2 } }', /1:18: unknown key "job".*did you mean "jobs"/],
    ['kernels: {}', /"profiles"/],
  ] as const)
    t.match(project(text).told.join('\n'), problem, text);
  t.end();
});

t.test(
  'the published schemas are those the files are checked by, and the example in the manual is right',
  (t) => {
    for (const [file, text] of Object.entries(publishedSchemas()))
      t.equal(readFileSync(new URL(file, ROOT), 'utf8'), text, file);
    const manual = readFileSync(new URL('docs/nightly.md', ROOT), 'utf8');
    const [first = '', second = ''] = [...manual.matchAll(/```yaml\n([^`]*)```/g)].map(
      (match) => match[1] ?? '',
    );
    t.same(project(first).told, []);
    const { file } = parseYaml(second, 'known.yaml');
    t.same(file && knownIssuesFrom(file, null).problems, []);
    t.end();
  },
);

t.test('every YAML file tells editors its schema', (t) => {
  const folders = ['suites/', 'fixtures/', 'harness/'].map((name) => new URL(name, ROOT));
  const files = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.yaml'))
      .map((name) => new URL(name, folder)),
  );
  t.ok(files.length > 50);
  const published = publishedSchemas();
  for (const file of files) {
    const [, schema = ''] =
      /^# yaml-language-server: \$schema=(\S+)\n/.exec(readFileSync(file, 'utf8')) ?? [];
    const found = new URL(schema, file).href.slice(ROOT.href.length);
    t.ok(found in published, file.pathname);
  }
  t.end();
});
