/** A kernel in a virtual machine as a machine: booted by virtme-ng over the host's root, which it sees and cannot change. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { Console } from './guest/console.ts';
import { SCRATCH, shellLine, SOCKETS, TERMINAL, virtmeArguments } from './guest/command.ts';
import { environment, namespaces, piped, planGuest, prepare } from './guest/plan.ts';
import type { GuestOptions } from './guest/plan.ts';
import { Inbox, openHostChannel } from './host-channel.ts';
import type { HostChannel } from './host-channel.ts';
import { MachineError } from './machine.ts';
import type { Machine, MachineOptions, MachineSource } from './machine.ts';
import { spawnTree, TreeError } from './process-group.ts';
import type { Tree } from './process-group.ts';
import { userNamespaceAdvice } from './user-namespaces.ts';
import type { VngCommand } from './virtme.ts';

export type { GuestOptions } from './guest/plan.ts';
export type { BootKernel } from './guest/boot-files.ts';

const start = async (options: GuestOptions, machine: MachineOptions): Promise<Machine> => {
  const target = options.target ?? options.kernel.name;
  machine.signal.throwIfAborted();
  const plan = await planGuest(options, machine);
  const log = new Console(machine.folder);
  const inbox = new Inbox();
  const command = piped([...plan.vng.virtmeRun, ...virtmeArguments(machine.command, plan.shape)]);
  const tree = await startTree(command, plan.vng, prepare(options.kernel, plan.files));
  let replies: Socket | undefined;
  let orders: Socket | undefined;
  let channel: HostChannel | undefined;
  const unsent: unknown[] = [];

  const fail = (error: Error): void => {
    inbox.close(error);
    void tree[Symbol.asyncDispose]();
  };
  const connect = (): void => {
    if (!replies || !orders) return;
    channel = openHostChannel({ from: replies, to: orders }, inbox, () => {
      fail(log.crash() === null ? (channel?.fault() as Error) : (log.verdict(target, true) as Error));
    });
    replies.once('data', () => {
      clearTimeout(deadline);
      machine.onState('running', '');
    });
    for (const message of unsent.splice(0)) channel.send(message);
  };
  const servers = [
    await listen(tree, SOCKETS.orders, (socket) => {
      orders = socket;
      connect();
    }),
    await listen(tree, SOCKETS.replies, (socket) => {
      replies = socket;
      connect();
    }),
  ];
  const { onTerminal } = options;
  if (onTerminal) servers.push(await listen(tree, TERMINAL, onTerminal));
  const deadline = setTimeout(() => {
    const crash = log.crash() === null ? null : log.verdict(target, false);
    const message = `${target} said nothing within ${machine.bootMs} ms; the last on its console:\n${log.lastLines(8)}`;
    fail(crash ?? new MachineError('boot-timeout', message, `The console is in ${log.path}`));
  }, machine.bootMs);
  const abort = (): void => {
    fail(machine.signal.reason as Error);
  };
  machine.signal.addEventListener('abort', abort, { once: true });
  const outputClosed = new Promise<void>((settle) => tree.output.once('close', settle));
  tree.output.on('data', (chunk: Buffer) => {
    log.append(chunk);
    options.onConsole?.(chunk.toString('utf8'));
  });
  const finished = (async (): Promise<void> => {
    await tree.ended;
    clearTimeout(deadline);
    machine.signal.removeEventListener('abort', abort);
    await outputClosed;
    log.close();
    await log.decode(options.kernel);
    for (const server of servers) server.close();
    orders?.destroy();
    // Everything that was said is read first.
    if (channel && replies && !replies.closed) await once(replies, 'close');
    replies?.destroy();
    const verdict = log.verdict(target, inbox.heard);
    // A guest that died in the middle of a record is dead first, garbled second.
    if (verdict?.trouble !== 'crash') channel?.finish();
    inbox.close(channel?.fault() ?? verdict);
  })();
  if (plan.note !== '') options.onNote?.(`guests run under TCG, which is slow: ${plan.note}`);
  machine.onState('booting', plan.shape.kvm ? 'KVM' : `TCG${plan.note && `: ${plan.note}`}`);
  tree.go();
  return {
    messages: inbox,
    send: (message) => {
      if (channel) channel.send(message);
      else unsent.push(message);
    },
    console: () => Promise.resolve(log.text()),
    async [Symbol.asyncDispose]() {
      await tree[Symbol.asyncDispose]();
      await finished;
    },
  };
};

const startTree = async (command: readonly string[], vng: VngCommand, setup: string): Promise<Tree> => {
  try {
    return await spawnTree({ command, env: environment(vng), namespaces: namespaces(), prepare: setup });
  } catch (error) {
    if (!(error instanceof TreeError)) throw error;
    throw new MachineError(
      'unavailable',
      `no namespaces for a guest's processes: ${error.message}`,
      userNamespaceAdvice().join('\n') || 'Run segproof as root.',
    );
  }
};

/** Puts links and the socket where only the tree can see them: its own scratch, reached through its root. */
const listen = (tree: Tree, path: string, onSocket: (socket: Socket) => void): Promise<Server> =>
  new Promise((settle, reject) => {
    const server = createServer(onSocket);
    server.once('error', reject);
    server.listen(`/proc/${tree.pid}/root${path}`, () => {
      settle(server);
    });
  });

export const guestMachine = (options: GuestOptions): MachineSource => ({
  target: options.target ?? options.kernel.name,
  describe: async (machine) => {
    const plan = await planGuest(options, machine);
    const inside = ['--mount', '--pid', '--fork', '--kill-child', 'sh'];
    return [
      shellLine(['unshare', ...(namespaces().includes('user') ? ['--map-root-user'] : []), ...inside]),
      ...prepare(options.kernel, plan.files).split('\n'),
      shellLine(['env', ...Object.entries(plan.vng.env).map(([name, value]) => `${name}=${value}`)]) +
        ` TMPDIR=${SCRATCH} ${shellLine([...plan.vng.virtmeRun, ...virtmeArguments(machine.command, plan.shape)])}`,
    ];
  },
  start: (machine) => start(options, machine),
});
