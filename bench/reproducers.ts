/**
 * Whether C programs of cases come to segproof's verdict in a guest: `node dist/bench/reproducers.js --kernel 6.12 -n 20`. Runs the
 * whole selection, picks cases at random among those there is C for, compiles them, and runs them in one guest of that kernel.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadProject } from '../harness/load/project.ts';
import { planTarget } from '../harness/plan/target.ts';
import { reproducer } from '../harness/reproduce/reproducer.ts';
import { Unprintable } from '../harness/reproduce/unprintable.ts';

const { values } = parseArgs({
  options: {
    kernel: { type: 'string', default: '6.12' },
    count: { type: 'string', short: 'n', default: '20' },
    select: { type: 'string', default: 'udp-gso' },
  },
});
/** Below the project: a guest sees this machine's files, but not its /tmp. */
const FOLDER = join('results', `reproducers-${process.pid}`);
const WORDS: Readonly<Record<number, string>> = { 0: 'pass', 1: 'fail', 4: 'skip' };
const MARK = 'reproducer-exit';

interface Result {
  readonly id: string;
  readonly outcome: string;
}

/** What is needed of results.json. */
interface Results {
  readonly results: readonly Result[];
  readonly targets: readonly {
    readonly behaviours: readonly { readonly name: string; readonly judged: boolean }[];
  }[];
}

function segproof(args: readonly string[]): string {
  return execFileSync('./segproof', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}

/** Programs that could be made, with segproof's verdict of each. */
function programs({ results, targets }: Results, count: number): Result[] {
  const { suites, topologies, behaviours } = loadProject('.');
  const judged = new Map(targets[0]?.behaviours.map((one) => [one.name, one.judged]));
  const cases = suites.flatMap((suite) => suite.cases);
  const planned = [
    ...planTarget(cases, { topologies, behaviours, has: (name) => judged.get(name) ?? false }),
  ];
  const left = new Map(planned.map((one) => [one.id, one]));
  const made: Result[] = [];
  const ids = results.filter(({ outcome }) => outcome !== 'skip');
  while (made.length < count && ids.length > 0) {
    const [one] = ids.splice(Math.floor(Math.random() * ids.length), 1);
    const chosen = one && left.get(one.id);
    if (!one || !chosen) continue;
    const path = join(FOLDER, String(made.length));
    try {
      writeFileSync(`${path}.c`, reproducer(chosen, values.kernel));
    } catch (error) {
      if (error instanceof Unprintable) continue;
      throw error;
    }
    execFileSync('gcc', ['-Wall', '-Wextra', '-Werror', '-static', '-o', path, `${path}.c`]);
    made.push(one);
  }
  return made;
}

/** Exit status of each program, in one guest. */
async function inGuest(count: number): Promise<Map<number, number>> {
  const guest = spawn('./segproof', ['shell', '--kernel', values.kernel], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  let text = '';
  guest.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
  const lines = Array.from({ length: count }, (_, i) => {
    const program = join(process.cwd(), FOLDER, String(i));
    return `${program} > /dev/null 2>&1; echo ${MARK} ${i} $?`;
  });
  guest.stdin.write(`${[...lines, 'exit'].join('\n')}\n`);
  await new Promise((resolve) => guest.on('close', resolve));
  const found = text.matchAll(new RegExp(`^${MARK} (\\d+) (\\d+)\\r?$`, 'gmu'));
  return new Map([...found].map(([, i, status]) => [Number(i), Number(status)]));
}

mkdirSync(FOLDER, { recursive: true });
try {
  const out = join(FOLDER, 'run');
  try {
    segproof(['run', values.select, '--kernel', values.kernel, '-o', out]);
  } catch {
    // Cases that fail are of interest too; results.json tells.
  }
  const document = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8')) as Results;
  const chosen = programs(document, Number(values.count));
  const statuses = await inGuest(chosen.length);
  let same = 0;
  for (const [i, { id, outcome }] of chosen.entries()) {
    const status = statuses.get(i);
    const said = status === undefined ? 'nothing' : (WORDS[status] ?? `exit ${status}`);
    if (said === outcome) same++;
    console.log(`${said === outcome ? 'same' : 'DIFFERENT'}  segproof ${outcome}, C ${said}  ${id}`);
  }
  console.log(`${same} of ${chosen.length} C programs agree with segproof on ${values.kernel}`);
  process.exitCode = same === chosen.length && same > 0 ? 0 : 1;
} finally {
  rmSync(FOLDER, { recursive: true, force: true });
}
