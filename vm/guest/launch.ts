/** One guest from its start to its end: QEMU's processes, its console, its channel. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { Inbox, openHostChannel } from '../host-channel.ts';
import type { HostChannel } from '../host-channel.ts';
import { MachineError } from '../machine.ts';
import type { Machine, MachineOptions } from '../machine.ts';
import { spawnTree, TreeError } from '../process-group.ts';
import type { Tree } from '../process-group.ts';
import { userNamespaceAdvice } from '../user-namespaces.ts';
import type { VngCommand } from '../virtme.ts';
import { CONTROL, MEMORY, SOCKETS, TERMINAL, virtmeArguments } from './command.ts';
import { Console } from './console.ts';
import { freeze, mayFreeze } from './frozen.ts';
import type { Frozen } from './frozen.ts';
import { environment, namespaces, piped, prepare } from './plan.ts';
import type { GuestOptions, GuestPlan } from './plan.ts';
import { Qmp } from './qmp.ts';

/** A guest that was started, and whether it got as far as its own first step. */
export interface Launched {
  readonly machine: Machine;
  /** For one that was frozen: true when it goes on, false when it has ended before. */
  readonly awake: Promise<boolean>;
}

/**
 * Starts a guest: one that was frozen goes on where it stood; another boots, and is frozen, where its plan has a place for it, as soon
 * as its command has opened its channel.
 * @throws MachineError
 */
export const launch = async (
  options: GuestOptions,
  machine: MachineOptions,
  plan: GuestPlan,
  frozen: Frozen | null,
): Promise<Launched> => {
  const target = options.target ?? options.kernel.name;
  const log = new Console(machine.folder);
  if (frozen) log.append(Buffer.from(`${frozen.console}\nsegproof: frozen ${frozen.frozen}, goes on here\n`));
  const inbox = new Inbox();
  const words = [...virtmeArguments(plan.command, plan.shape), ...(frozen?.arguments ?? [])];
  const freezeTo = frozen === null && mayFreeze(plan.freezer, plan.shape.memory) ? plan.freezer : null;
  const tree = await startTree(
    piped([...plan.vng.virtmeRun, ...words]),
    plan.vng,
    prepare(options.kernel, plan.files),
  );
  const sockets: { orders?: Socket; replies?: Socket } = {};
  let channel: HostChannel | undefined;
  /** Nothing is said to a guest that is about to be frozen: it would be said again to every copy of it. */
  let mayTalk = freezeTo === null;
  const unsent: unknown[] = [];
  let keeping: Promise<void> | undefined;
  const stream = deferred<Socket>();
  const awake = deferred<boolean>();

  const fail = (error: Error): void => {
    inbox.close(error);
    void tree[Symbol.asyncDispose]();
  };
  const talk = (): void => {
    const { orders, replies } = sockets;
    if (!replies || !orders || !mayTalk || channel) return;
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
      sockets.orders = socket;
      talk();
    }),
    await listen(tree, SOCKETS.replies, (socket) => {
      sockets.replies = socket;
      talk();
    }),
  ];
  if (options.onTerminal) servers.push(await listen(tree, TERMINAL, options.onTerminal));
  const control = (socket: Socket): void => {
    const qmp = new Qmp(socket, ({ event, data }) => {
      if (event === 'RESUME' && frozen) awake.settle(true);
      if (event !== 'VSERPORT_CHANGE' || data?.['id'] !== 'replies' || freezeTo === null || keeping) return;
      keeping = freeze(qmp, {
        folder: freezeTo,
        stream: stream.promise,
        console: log.text(),
        onwards: () => {
          mayTalk = true;
          talk();
        },
      });
    });
  };
  if (freezeTo !== null) servers.push(await listen(tree, MEMORY, stream.settle));
  if (plan.freezer !== null) servers.push(await listen(tree, CONTROL, control));
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
    awake.settle(false);
    clearTimeout(deadline);
    machine.signal.removeEventListener('abort', abort);
    await outputClosed;
    log.close();
    await log.decode(options.kernel);
    for (const server of servers) server.close();
    sockets.orders?.destroy();
    // Everything that was said is read first.
    if (channel && sockets.replies && !sockets.replies.closed) await once(sockets.replies, 'close');
    sockets.replies?.destroy();
    const verdict = log.verdict(target, inbox.heard);
    // A guest that died in the middle of a record is dead first, garbled second.
    if (verdict?.trouble !== 'crash') channel?.finish();
    inbox.close(channel?.fault() ?? verdict);
    await keeping;
  })();
  machine.onState('booting', plan.shape.kvm ? 'KVM' : `TCG${plan.note && `: ${plan.note}`}`);
  tree.go();
  return {
    awake: awake.promise,
    machine: {
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
    },
  };
};

/** A promise for what an event will bring. */
const deferred = <T>(): { readonly promise: Promise<T>; readonly settle: (value: T) => void } => {
  let settle: (value: T) => void = () => undefined;
  const promise = new Promise<T>((resolve) => {
    settle = resolve;
  });
  return { promise, settle };
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
