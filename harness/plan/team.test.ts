/** Teams of a topology: what they cannot do without. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { ProblemError } from '../load/problem.ts';
import { loadTopology } from '../load/topology.ts';
import { resolveTopology } from './topology.ts';

const folder = mkdtempSync(join(tmpdir(), 'team-'));
t.teardown(() => {
  rmSync(folder, { recursive: true });
});

/** What is wrong with a team, or what its mode and port come to. */
function team(keys: string, mode = 'roundrobin'): unknown {
  const path = join(folder, 'one.yaml');
  const end = '{ ns: host, ipv4: 10.0.0.1 }';
  const links = `{ name: up0, kind: team${keys} }, { name: port0, kind: dummy, master: up0 }`;
  writeFileSync(
    path,
    `title: One\nparameters: { mode: roundrobin }\nnamespaces:\n  host:\n    links: [${links}]\n` +
      `sender: ${end}\nreceiver: ${end}\n`,
  );
  const { topology, problems } = loadTopology(path, 'one', 'one.yaml');
  if (!topology || problems.length > 0) return problems.map(({ message }) => message);
  try {
    const { topology: built, kinds } = resolveTopology(topology, { mode });
    const [link] = built.namespaces['host']?.links ?? [];
    return { mode: link?.teamMode, port: link?.activePort, kinds };
  } catch (error) {
    if (error instanceof ProblemError) return error.problems.map(({ message }) => message);
    throw error;
  }
}

t.test('a team has a mode, and in mode activebackup an active port', (t) => {
  const kinds = ['team', 'dummy'];
  t.strictSame(team(', team_mode: broadcast'), { mode: 'broadcast', port: undefined, kinds });
  t.strictSame(team(', team_mode: activebackup, active_port: port0'), {
    mode: 'activebackup',
    port: 'port0',
    kinds,
  });
  t.strictSame(
    team(', team_mode: $mode, active_port: port0'),
    { mode: 'roundrobin', port: undefined, kinds },
    'other modes have no active port',
  );
  t.strictSame(team(''), ['a team needs a "team_mode": without one it drops everything']);
  t.strictSame(team(', team_mode: $mode', 'random'), [
    'random is no mode of a team: roundrobin, activebackup, broadcast',
  ]);
  t.strictSame(team(', team_mode: $mode', 'activebackup'), [
    'a team in mode activebackup needs an "active_port": without one it drops all',
  ]);
  t.strictSame(team(', team_mode: activebackup, active_port: port1'), [
    'there is no link "port1" in this namespace',
  ]);
  t.end();
});
