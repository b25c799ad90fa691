/** A kernel in a virtual machine as a machine: booted by virtme-ng over the host's root, which it sees and cannot change. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { resolve } from 'node:path';
import { bootFiles, findBusybox } from './guest/boot-files.ts';
import type { BootFiles, BootKernel } from './guest/boot-files.ts';
import { Console } from './guest/console.ts';
import { IMAGE, INITRAMFS, KERNEL, SCRATCH, shellLine, SOCKET, virtmeArguments } from './guest/command.ts';
import type { GuestShape } from './guest/command.ts';
import { probeKvm } from './guest/kvm.ts';
import { preloadFiles } from './guest/preload.ts';
import { Inbox, openHostChannel } from './host-channel.ts';
import type { HostChannel } from './host-channel.ts';
import { MachineError } from './machine.ts';
import type { Machine, MachineOptions, MachineSource } from './machine.ts';
import { spawnTree, TreeError } from './process-group.ts';
import type { Namespace, Tree } from './process-group.ts';
import { userNamespaceAdvice } from './user-namespaces.ts';
import { vngCommand } from './virtme.ts';
import type { VngCommand } from './virtme.ts';

export type { BootKernel } from './guest/boot-files.ts';

export interface GuestOptions {
  readonly kernel: BootKernel;
  /** Name in results; by default the kernel's. */
  readonly target?: string;
  /** Virtual CPUs, default 2. */
  readonly cpus?: number;
  /** In MiB, default 512. */
  readonly memory?: number;
  /** Default `auto`: KVM where it boots, TCG elsewhere. */
  readonly accel?: 'auto' | 'kvm' | 'tcg';
  /** Files that the command maps at its start, e.g. native add-ons; its program and libraries are found by themselves. */
  readonly preload?: readonly string[];
  readonly kernelArguments?: readonly string[];
  readonly qemuArguments?: readonly string[];
}

/** Everything that start and describe need to know about this host. */
interface Plan {
  readonly vng: VngCommand;
  readonly files: BootFiles;
  readonly shape: GuestShape;
  /** Why TCG, when KVM was wanted; empty otherwise. */
  readonly note: string;
}

/** Scratch for links, the socket and virtme-ng's temporary files, which are a few KiB. */
const prepare = (kernel: BootKernel, files: BootFiles): string =>
  [
    ['mount', '-t', 'tmpfs', '-o', 'mode=0700,size=16m', 'segproof', SCRATCH],
    ['ln', '-s', resolve(kernel.image), IMAGE],
    ['ln', '-s', files.kernel, KERNEL],
    ['ln', '-s', files.initramfs, INITRAMFS],
  ]
    .map(shellLine)
    .join('\n');

/** Root needs no user namespace, and in one it could not read other users' files for the guest. */
const namespaces = (): readonly Namespace[] => (process.geteuid?.() === 0 ? ['mount'] : ['user', 'mount']);

const environment = (vng: VngCommand): NodeJS.ProcessEnv => ({
  ...process.env,
  ...vng.env,
  TMPDIR: SCRATCH,
});

/**
 * virtme-run opens its outputs again by name, which works for a pipe and not for the socket that Node makes, hence the
 * cat. Descriptor 3 is the gate's and none of its business.
 */
const piped = (command: readonly string[]): readonly string[] => [
  'sh',
  '-c',
  '"$@" 3<&- | cat',
  'segproof-guest',
  ...command,
];

const planGuest = async (options: GuestOptions, command: readonly string[]): Promise<Plan> => {
  const vng = await vngCommand();
  const path = vng.env['PATH'] ?? process.env['PATH'] ?? '';
  const busybox = findBusybox([vng.busybox, 'busybox-static', 'busybox.static', 'busybox'], path);
  if (busybox === null)
    throw new MachineError(
      'unavailable',
      'no statically linked busybox was found, and the guest starts from one',
      'Install it: apt-get install busybox-static',
    );
  const files = bootFiles(options.kernel, busybox, preloadFiles(command, options.preload ?? []));
  const accel = options.accel ?? 'auto';
  const probe = accel === 'auto' ? await probeKvm(files) : { usable: accel === 'kvm', reason: '' };
  return {
    vng,
    files,
    note: probe.reason,
    shape: {
      cpus: options.cpus ?? 2,
      memory: options.memory ?? 512,
      kvm: probe.usable,
      kernelArguments: options.kernelArguments ?? [],
      qemuArguments: options.qemuArguments ?? [],
    },
  };
};

const start = async (options: GuestOptions, machine: MachineOptions): Promise<Machine> => {
  const target = options.target ?? options.kernel.name;
  machine.signal.throwIfAborted();
  const plan = await planGuest(options, machine.command);
  const log = new Console(machine.folder);
  const inbox = new Inbox();
  const command = piped([...plan.vng.virtmeRun, ...virtmeArguments(machine.command, plan.shape)]);
  const tree = await startTree(command, plan.vng, prepare(options.kernel, plan.files));
  let connected: Socket | undefined;
  let channel: HostChannel | undefined;
  const unsent: unknown[] = [];

  const fail = (error: Error): void => {
    inbox.close(error);
    void tree[Symbol.asyncDispose]();
  };
  const server = await listen(tree, (socket) => {
    connected = socket;
    channel = openHostChannel(socket, inbox, () => {
      fail(log.crash() === null ? (channel?.fault() as Error) : (log.verdict(target, true) as Error));
    });
    socket.once('data', () => {
      clearTimeout(deadline);
      machine.onState('running', '');
    });
    for (const message of unsent.splice(0)) channel.send(message);
  });
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
  });
  const finished = (async (): Promise<void> => {
    await tree.ended;
    clearTimeout(deadline);
    machine.signal.removeEventListener('abort', abort);
    await outputClosed;
    log.close();
    server.close();
    if (connected && !connected.closed) await once(connected, 'close');
    const verdict = log.verdict(target, inbox.heard);
    // A guest that died in the middle of a record is dead first, garbled second.
    if (verdict?.trouble !== 'crash') channel?.finish();
    inbox.close(channel?.fault() ?? verdict);
  })();
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
const listen = (tree: Tree, onSocket: (socket: Socket) => void): Promise<Server> =>
  new Promise((settle, reject) => {
    const server = createServer(onSocket);
    server.once('error', reject);
    server.listen(`/proc/${tree.pid}/root${SOCKET}`, () => {
      settle(server);
    });
  });

export const guestMachine = (options: GuestOptions): MachineSource => ({
  target: options.target ?? options.kernel.name,
  describe: async ({ command }) => {
    const plan = await planGuest(options, command);
    const inside = ['--mount', '--pid', '--fork', '--kill-child', 'sh'];
    return [
      shellLine(['unshare', ...(namespaces().includes('user') ? ['--map-root-user'] : []), ...inside]),
      ...prepare(options.kernel, plan.files).split('\n'),
      shellLine(['env', ...Object.entries(plan.vng.env).map(([name, value]) => `${name}=${value}`)]) +
        ` TMPDIR=${SCRATCH} ${shellLine([...plan.vng.virtmeRun, ...virtmeArguments(command, plan.shape)])}`,
    ];
  },
  start: (machine) => start(options, machine),
});
