/** Policy rules and next hops of a topology: what they may say. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { ProblemError } from '../load/problem.ts';
import { loadTopology } from '../load/topology.ts';
import { resolveTopology } from './topology.ts';

const folder = mkdtempSync(join(tmpdir(), 'topology-'));
t.teardown(() => {
  rmSync(folder, { recursive: true });
});

/** What is wrong with one rule, or the topology it makes. */
function withRule(rule: string, parameters: Readonly<Record<string, number>> = {}): unknown {
  return withLine(`rules: [${rule}]`, parameters);
}

function withLine(line: string, parameters: Readonly<Record<string, number>> = {}): unknown {
  const path = join(folder, 'one.yaml');
  const end = '{ ns: host, ipv4: 10.0.0.1 }';
  writeFileSync(
    path,
    `title: One\nparameters: { size: 1 }\nnamespaces:\n  host:\n    links: [{ name: lo }]\n    ${line}\n` +
      `sender: ${end}\nreceiver: ${end}\n`,
  );
  const { topology, problems } = loadTopology(path, 'one', 'one.yaml');
  if (!topology || problems.length > 0) return problems.map(({ line, message }) => `${line}: ${message}`);
  try {
    const { topology: built, kinds } = resolveTopology(topology, { size: 1, ...parameters });
    if (line.startsWith('routes')) return built.namespaces['host']?.routes;
    return { rules: built.namespaces['host']?.rules, kinds };
  } catch (error) {
    if (error instanceof ProblemError) return error.problems.map(({ message }) => message);
    throw error;
  }
}

t.test('rules are of marks and TOS, and must be possible', (t) => {
  t.strictSame(withRule('{ mark: 7, tos: 4 * size, table: 100 }'), {
    rules: [{ mark: 7, tos: 4, table: 100 }],
    kinds: ['rules'],
  });
  t.strictSame(withRule('{ table: 100 }'), ['6: the rule says nothing of the packets it is for']);
  t.strictSame(withRule('{ mark: 0, table: 100 }'), ['comes to 0: it must be from 1 to 2147483647']);
  t.strictSame(withRule('{ tos: 17, table: 100 }'), [
    'comes to 17: it must be from 4 to 28 and a multiple of 4',
  ]);
  t.strictSame(withRule('{ mark: 1, table: 252 + size }', { size: 2 }), [
    'comes to 254: it must be from 1 to 252',
  ]);
  t.end();
});

t.test('a next hop is an address of the family of its route', (t) => {
  const withHop = (to: string, rest: string): unknown =>
    withLine(`routes: [{ to: '${to}', dev: lo, ${rest} }]`);
  t.strictSame(withHop('10.9.0.0/24', 'via: 10.0.0.2'), [{ to: '10.9.0.0/24', dev: 'lo', via: '10.0.0.2' }]);
  t.strictSame(withHop('10.9.0.0/24', 'via: there'), ['6: "there" is no address']);
  t.strictSame(withHop('fd00::/64', 'via: 10.0.0.2'), ['6: "10.0.0.2" is not of the family of "fd00::/64"']);
  t.strictSame(withHop('10.9.0.1/32', 'via: 10.0.0.2, local: true'), ['6: what is local has no next hop']);
  t.end();
});
