/**
 * Instead of cases, a shell: builds a topology, gives its namespaces the names that `ip netns` knows, and lets a person in.
 * Runs on a machine of its own, which ends with the shell.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { openChannel } from '../../vm/agent-channel.ts';
import type { ShellOrder } from '../contract/protocol.ts';
import { realSystemCalls } from './libc.ts';
import { Namespaces } from './namespaces.ts';
import { buildTopology } from './topology.ts';

/** Where ip-netns(8) looks for namespaces. */
const NETNS = '/run/netns';
/** Put there by the guest's init. */
const BUSYBOX = '/run/segproof/busybox';

function main(): void {
  const channel = openChannel(process.env['SEGPROOF_CHANNEL'] ?? '');
  channel.send({ type: 'hello' });
  const order = channel.receive() as ShellOrder;
  const terminal = openSync(order.terminal, 'r+');
  const say = (line: string): void => void writeSync(terminal, `${line}\n`);
  const { topology } = order;
  let where = '';
  if (topology !== null) {
    const built = buildTopology(topology, realSystemCalls, new Namespaces(realSystemCalls));
    const names = Object.keys(topology.namespaces);
    mkdirSync(NETNS, { recursive: true });
    for (const name of names) {
      built.enter(name);
      writeFileSync(`${NETNS}/${name}`, '');
      // A child of this thread is in its namespace.
      spawnSync('mount', ['--bind', '/proc/self/ns/net', `${NETNS}/${name}`]);
    }
    for (const line of built.setup) say(`  ${line}`);
    [where = ''] = names;
    built.enter(where);
    say(`This shell is in ${where}; ip netns exec NAME leads to ${names.join(', ')}.`);
  }
  const shell = existsSync('/bin/bash') ? ['bash', '--norc', '-i'] : ['sh', '-i'];
  const env = { ...process.env, TERM: order.term, PS1: `${order.name}${where && ` ${where}`}# ` };
  spawnSync('stty', ['rows', String(order.rows), 'cols', String(order.columns)], {
    stdio: [terminal, 'ignore', 'ignore'],
  });
  channel.send({ type: 'ready' });
  // setsid -c: only a session's own terminal has job control, and Ctrl-C.
  spawnSync(BUSYBOX, ['setsid', '-c', ...shell], { stdio: [terminal, terminal, terminal], env });
}

main();
