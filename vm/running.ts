/**
 * The running kernel as a machine: the agent is a child in namespaces of its own. What it makes (links, routes, sysctls
 * of its network namespace, mounts) vanishes with it; nothing of the caller's is within its reach.
 */
import { openHostChannel, Inbox } from './host-channel.ts';
import { MachineError } from './machine.ts';
import type { Machine, MachineOptions, MachineSource } from './machine.ts';
import { spawnTree, treeCommand, TreeError } from './process-group.ts';
import type { Namespace, Tree } from './process-group.ts';
import { userNamespaceAdvice } from './user-namespaces.ts';

/** How much of what the agent prints is kept for an error message, in characters. */
const TAIL = 4000;
/** Longest wait in ms for an agent to end by itself once its channel is closed. */
const GRACE_MS = 500;

/** The agent's descriptors, see Tree. */
const CHANNEL = 'fd:3,4';

const UNPRIVILEGED: readonly Namespace[] = ['user', 'mount', 'net'];
const AS_ROOT: readonly Namespace[] = ['mount', 'net'];

const withChannel = (command: readonly string[]): readonly string[] => [
  'env',
  `SEGPROOF_CHANNEL=${CHANNEL}`,
  ...command,
];

/** Unprivileged first; as root without a user namespace where those are forbidden. */
const startTree = async (command: readonly string[]): Promise<Tree> => {
  const env = { ...process.env, SEGPROOF_CHANNEL: CHANNEL };
  try {
    return await spawnTree({ command, env, namespaces: UNPRIVILEGED });
  } catch (error) {
    if (!(error instanceof TreeError)) throw error;
    if (process.geteuid?.() === 0) {
      try {
        return await spawnTree({ command, env, namespaces: AS_ROOT });
      } catch (second) {
        if (!(second instanceof TreeError)) throw second;
        throw refused(second);
      }
    }
    throw refused(error);
  }
};

const refused = (error: TreeError): MachineError =>
  new MachineError(
    'unavailable',
    `the running kernel gives this user no namespaces of its own: ${error.message}`,
    userNamespaceAdvice().join('\n') ||
      'Run segproof as root, outside of a container that forbids namespaces (docker: --privileged).',
  );

const start = async (options: MachineOptions): Promise<Machine> => {
  options.signal.throwIfAborted();
  options.onState('booting', 'making namespaces');
  const tree = await startTree(options.command);
  const inbox = new Inbox();
  let tail = '';
  tree.output.setEncoding('utf8').on('data', (chunk: string) => {
    tail = (tail + chunk).slice(-TAIL);
  });
  const deadline = setTimeout(() => {
    if (!inbox.heard)
      fail(
        new MachineError('boot-timeout', `the agent said nothing within ${options.bootMs} ms${said(tail)}`),
      );
  }, options.bootMs);
  const fail = (error: Error): void => {
    clearTimeout(deadline);
    inbox.close(error);
    void tree[Symbol.asyncDispose]();
  };
  const abort = (): void => {
    fail(options.signal.reason as Error);
  };
  options.signal.addEventListener('abort', abort, { once: true });
  const channel = openHostChannel({ from: tree.replies, to: tree.orders }, inbox, () => {
    fail(channel.fault() as MachineError);
  });
  tree.replies.once('data', () => {
    clearTimeout(deadline);
    options.onState('running', '');
  });
  const drained = new Promise<void>((resolve) => tree.replies.once('close', resolve));
  const finished = tree.ended.then(async ({ how, clean }) => {
    clearTimeout(deadline);
    options.signal.removeEventListener('abort', abort);
    await drained;
    channel.finish();
    if (channel.fault()) return;
    inbox.close(clean ? null : new MachineError('lost', `the agent was ended ${how}${said(tail)}`));
  });
  tree.go();
  return {
    messages: inbox,
    send: channel.send,
    console: () => Promise.resolve(''),
    async [Symbol.asyncDispose]() {
      // An agent that sees its channel close ends by itself, and leaves nothing to the hammer.
      tree.orders.end();
      const grace = setTimeout(() => void tree[Symbol.asyncDispose](), GRACE_MS);
      await finished;
      clearTimeout(grace);
    },
  };
};

const said = (tail: string): string => (tail.trim() === '' ? '' : `; it printed:\n${tail.trim()}`);

/** The kernel that segproof itself runs on. */
export const runningKernel: MachineSource = {
  target: 'running',
  describe: ({ command }) =>
    Promise.resolve([
      treeCommand({ command: withChannel(command), namespaces: UNPRIVILEGED })
        .map((word) => (/^[\w./:=+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
        .join(' '),
    ]),
  start,
};
