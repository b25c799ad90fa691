import { join } from 'node:path';
import t from 'tap';
import { createPlanner, variantInfos } from '../plan/planner.ts';
import { loadProject, type Project } from './project.ts';
import { pack, unpack } from './stored.ts';

const project = loadProject(join(import.meta.dirname, '..', '..'));

/** Everything that is planned for a kernel with all behaviours or none, places included. */
function planned(of: Project, judged: boolean): unknown {
  const planner = createPlanner(of, variantInfos(of));
  const statuses = planner.behaviours.map((info) => ({
    ...info,
    stated: 'unknown' as const,
    probed: 'has' as const,
    judged,
  }));
  return { variants: planner.variants, probes: planner.probes, plans: [...planner.plan(statuses)] };
}

t.test('a project read back from its bytes plans the same, to the place of every expectation', (t) => {
  const back = unpack(pack(project));
  for (const judged of [true, false])
    t.equal(JSON.stringify(planned(back, judged)), JSON.stringify(planned(project, judged)));
  t.end();
});

t.test('a stored file knows the places its text had, also of what is not in it', (t) => {
  const [suite] = project.suites;
  const [stored] = unpack(pack(project)).suites;
  if (!suite || !stored) return t.fail('no suite');
  const first = suite.cases[0]?.path ?? [];
  for (const path of [[], ['axes'], ['cases'], [...first], [...first, 'nowhere', 3], ['nowhere']]) {
    t.strictSame(stored.file.at(path), suite.file.at(path), `at ${path.join('/')}`);
    t.strictSame(stored.file.key(path), suite.file.key(path), `key ${path.join('/')}`);
  }
  t.equal(stored.file.source(['title']), undefined);
  t.end();
});
