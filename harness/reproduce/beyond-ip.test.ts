/** Programs that set up by netlink what ip(8) has no words for. */
import { spawnSync } from 'node:child_process';
import t from 'tap';
import { inPrivateNamespace, send, testAgent } from '../agent/test-support.ts';
import { realSystemCalls } from '../agent/libc.ts';
import { survey } from '../agent/survey.ts';
import type { Expected } from '../contract/expectation.ts';
import { QDISCS, TEAM_MODES } from '../contract/topology.ts';
import type { Link, Topology } from '../contract/topology.ts';
import { reproducer } from './reproducer.ts';
import { compileAndRun, planned, row, type Step } from './test-support.ts';
import { Unprintable } from './unprintable.ts';

const OK: Expected = { ok: true };
const noCompiler = spawnSync('gcc', ['--version']).error ? 'gcc is not installed' : false;

/** A veth pair; `left` is what is special on the sender's side. */
function veth(left: Partial<Link>, above: readonly Link[] = []): Topology {
  const [own, other] = ['10.1.0.1/24', '10.1.0.2/24'] as const;
  const plain = { kind: 'veth', up: true, features: {} } as const;
  const peer = (ns: string, name: string): Pick<Link, 'peer'> => ({ peer: { ns, name } });
  const addresses = above.length === 0 ? [own] : [];
  const space = { routes: [], sysctls: {} };
  const links = [...above, { ...plain, name: 'l0', ...peer('right', 'r0'), addresses, ...left }];
  return {
    name: 'veth',
    key: 'veth',
    namespaces: {
      left: { ...space, links },
      right: { ...space, links: [{ ...plain, name: 'r0', ...peer('left', 'l0'), addresses: [other] }] },
    },
  };
}

/** The port above which a team of this mode sends. */
function team(teamMode: NonNullable<Link['teamMode']>): Topology {
  const up0: Link = {
    name: 'up0',
    kind: 'team',
    teamMode,
    ...(teamMode === 'activebackup' ? { activePort: 'l0' } : {}),
    up: true,
    addresses: ['10.1.0.1/24'],
    features: {},
  };
  return veth({ master: 'up0' }, [up0]);
}

const to = { address: '10.1.0.2', port: 9000 };
const sends: readonly Step[] = [
  [{ do: 'open', socket: 'rx', ns: 'right', family: 'ipv4', protocol: 'udp' }, OK],
  [{ do: 'bind', socket: 'rx', to }, OK],
  [{ do: 'open', socket: 'tx', ns: 'left', family: 'ipv4', protocol: 'udp' }, OK],
  [send(0, 250, 100, to), OK],
  [
    { do: 'receive', socket: 'rx', want: 3, buffer: 2000, control: 256, flags: [], waitMs: 500 },
    { datagrams: row(0, [100, 100, 50]) },
  ],
];

t.setTimeout(120_000);
await inPrivateNamespace(import.meta.url, async () => {
  if (noCompiler !== false) {
    t.comment(noCompiler);
    return;
  }
  const agent = testAgent();
  const have = survey([...QDISCS, 'team'], realSystemCalls, agent.namespaces);
  agent.dispose();

  await t.test('a queueing discipline is the one that was asked for, or there is none here', async (t) => {
    for (const qdisc of QDISCS) {
      const source = reproducer(planned(sends, veth({ qdisc }), { needs: ['veth', qdisc] }), '6.12');
      const ran = await compileAndRun(
        source.replace(/root_qdisc\("l0".*?\);\n/su, '$&\trun("ip link show dev l0");\n'),
      );
      t.equal(ran.warnings, '', `${qdisc}: no warnings`);
      if (have[qdisc] === null) {
        t.match(ran.stdout, new RegExp(`qdisc ${qdisc} `, 'u'), 'ip(8) sees it, too');
        // etf drops what has no launch time.
        t.equal(ran.exit, qdisc === 'etf' ? 1 : 0, qdisc, { output: ran.stdout + ran.stderr });
      } else {
        t.equal(ran.exit, 4, qdisc, { output: ran.stdout + ran.stderr });
        t.match(ran.stdout, `SKIP: not to be had here: ${qdisc}`);
      }
    }
    const unknown = reproducer(planned(sends, veth({ qdisc: 'pfifo' })), '6.12');
    const ran = await compileAndRun(unknown.replace('"l0", "pfifo"', '"l0", "no-such-kind"'));
    t.equal(ran.exit, 4);
    const lost = await compileAndRun(unknown.replace('root_qdisc("l0"', 'root_qdisc("none"'));
    t.equal(lost.exit, 2, 'any other trouble is no lack');
    t.end();
  });

  await t.test('a qdisc that a case needs must be that of a link', (t) => {
    const without = planned(sends, veth({}), { needs: ['fq'] });
    const error = t.throws(() => reproducer(without, '6.12'), { message: /fq, which no link has/ });
    t.ok(error instanceof Unprintable);
    t.end();
  });

  await t.test('a team has its mode, where root is root of the machine', async (t) => {
    for (const mode of TEAM_MODES) {
      const source = reproducer(planned(sends, team(mode), { needs: ['team', 'veth'] }), '6.12');
      const ran = await compileAndRun(source);
      t.equal(ran.warnings, '', `${mode}: no warnings`);
      t.equal(ran.exit, have['team'] === null ? 0 : 4, mode, { output: ran.stdout + ran.stderr });
      t.notMatch(source, /CLONE_NEWUSER/u, 'no user namespace');
      t.match(source, 'for teams, which obey nobody else');
      t.match(source, new RegExp(`team_mode\\("up0", "${mode}"\\);`, 'u'));
      t.equal(source.includes('team_port("up0", "l0");'), mode === 'activebackup');
    }
    t.end();
  });
});
