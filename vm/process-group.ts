/**
 * Starts a program with all its descendants in a PID namespace of its own, so that none can outlive segproof: when
 * process 1 of a PID namespace ends, the kernel kills the rest. virtme-ng needs this: it leaves QEMU and virtiofsd
 * behind a shell and a Python process, and neither of those passes signals on.
 *
 * Against SIGKILL of segproof itself: setpriv makes the kernel kill unshare(1) when segproof's main thread ends, and
 * `--kill-child` does the same for process 1. The tree waits at a gate until segproof has seen it, so there is no moment
 * at which segproof can die and leave something that has started.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';

/** Namespaces besides the PID namespace. `user` maps the caller to root inside. */
export type Namespace = 'user' | 'mount' | 'net';

export interface TreeOptions {
  readonly command: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly namespaces: readonly Namespace[];
  /** Shell commands run in the namespaces before the gate, e.g. mounts; a failing one ends the tree. */
  readonly prepare?: string;
}

export interface TreeEnd {
  /** How the command ended, in words: `with status 3`, `by SIGKILL`. */
  readonly how: string;
  /** True for exit status 0. */
  readonly clean: boolean;
}

export interface Tree extends AsyncDisposable {
  /** Process 1 of the namespace, as the caller sees it. `/proc/<pid>/root` is the tree's view of the file system. */
  readonly pid: number;
  /** Standard output and error of the whole tree; it must be read, or the tree stalls. */
  readonly output: Readable;
  /**
   * What the command reads from descriptor 3 and writes to descriptor 4. They are two, since Node drops what is still to be read
   * from a socket as soon as writing to it fails, and a command that dies may have said something before.
   */
  readonly orders: Writable;
  readonly replies: Readable;
  /** Opens the gate: the command starts. */
  go(): void;
  /** Settles when every process of the tree is gone. */
  readonly ended: Promise<TreeEnd>;
}

/** The tree could not be set up: a namespace was refused, a tool is missing, or `prepare` failed. */
export class TreeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'TreeError';
  }
}

/**
 * Waits at the gate with descriptor 3 as its bell, then runs the command. Prints one line so that the caller knows
 * that the namespaces stand; a caller that dies before it opens the gate closes the bell, and `read` fails. The shell
 * stays as process 1: the kernel spares process 1 all signals that it does not handle, which would make the command
 * immune to its own abort(3).
 */
const gate = (prepare: string): string =>
  `set -e\n${prepare}\necho ready\nread -r go <&3\n[ "$go" = go ]\nset +e\n"$@" </dev/null 2>&1\nexit $?`;

/** The full command line that {@link spawnTree} runs. */
export const treeCommand = (options: Omit<TreeOptions, 'env'>): readonly string[] => [
  'setpriv',
  '--pdeathsig',
  'KILL',
  'unshare',
  ...options.namespaces.flatMap((name) => (name === 'user' ? ['--user', '--map-root-user'] : [`--${name}`])),
  '--pid',
  '--fork',
  '--kill-child',
  '--',
  'sh',
  '-c',
  gate(options.prepare ?? ''),
  'segproof',
  ...options.command,
];

const childOf = (pid: number): number => {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  if (!/^\d+$/.test(children))
    throw new TreeError(`unshare (process ${pid}) has no single child: '${children}'`);
  return Number(children);
};

/** A shell reports a command that signal n ended as status 128 + n. */
const describeEnd = (status: number | null, signal: string | null): TreeEnd => {
  const number = (status ?? 0) - 128;
  const name = signal ?? Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
  return { how: name ? `by ${name}` : `with status ${status ?? 'unknown'}`, clean: status === 0 };
};

const endOf = (child: ChildProcess): Promise<TreeEnd> =>
  new Promise((resolve) => {
    child.once('exit', (status, signal) => {
      resolve(describeEnd(status, signal));
    });
    child.once('error', () => {
      resolve(describeEnd(null, null));
    });
  });

/** Waits for `ready`; what comes before it is an error text. */
const awaitReady = async (child: ChildProcess, output: Readable, ended: Promise<TreeEnd>): Promise<void> => {
  const failure = new Promise<never>((_, reject) => {
    child.once('error', (error) => {
      reject(new TreeError(`cannot start setpriv: ${error.message}`));
    });
  });
  const ready = new Promise<boolean>((resolve) => {
    output.once('readable', () => {
      const line = output.read(Buffer.byteLength('ready\n')) as Buffer | null;
      if (line?.toString() === 'ready\n') resolve(true);
      else {
        if (line) output.unshift(line);
        resolve(false);
      }
    });
    output.once('end', () => {
      resolve(false);
    });
  });
  if (await Promise.race([failure, ready])) return;
  const said = output.readableEnded ? '' : await text(output);
  await ended;
  throw new TreeError(said.trim() || 'the namespaces could not be set up, and no reason was given');
};

/** Sets the tree up and stops at the gate. @throws TreeError */
export const spawnTree = async (options: TreeOptions): Promise<Tree> => {
  const [file = '', ...args] = treeCommand(options);
  const child = spawn(file, args, {
    env: options.env,
    // A session of its own: Ctrl-C must reach segproof alone, which then ends its machines in order.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
  });
  const ended = endOf(child);
  const [, output, errorOutput] = child.stdio as unknown as [null, Readable, Readable];
  const [orders, replies] = child.stdio.slice(3) as unknown as [Writable, Readable];
  // A channel whose other end is gone says EPIPE or ECONNRESET; `ended` already tells the story.
  for (const stream of [orders, replies]) stream.on('error', () => undefined);
  const close = (): void => {
    orders.destroy();
    replies.destroy();
  };
  const errors = text(errorOutput);
  try {
    await awaitReady(child, output, ended);
  } catch (error) {
    close();
    if (error instanceof TreeError && child.pid !== undefined)
      throw new TreeError((await errors).trim() || error.message);
    throw error;
  }
  const pid = childOf(child.pid as number);
  const stop = async (): Promise<void> => {
    // Not unshare: it would end before its child has, and `ended` would come too early.
    try {
      if (child.exitCode === null && child.signalCode === null) process.kill(pid, 'SIGKILL');
    } catch {
      // Gone between the check and the signal.
    }
    await ended;
    close();
  };
  return {
    pid,
    output,
    ...{ orders, replies },
    go: () => {
      orders.write('go\n');
    },
    ended,
    [Symbol.asyncDispose]: stop,
  };
};
