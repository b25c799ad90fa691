/** What a guest is made of, worked out before anything is started. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Duplex } from 'node:stream';
import { MachineError, type MachineOptions } from '../machine.ts';
import type { Namespace } from '../process-group.ts';
import { vngCommand } from '../virtme.ts';
import type { VngCommand } from '../virtme.ts';
import { bootFiles, BUSYBOXES, findBusybox } from './boot-files.ts';
import type { BootFiles, BootKernel } from './boot-files.ts';
import {
  controlArguments,
  DEFAULT_MEMORY,
  IMAGE,
  INITRAMFS,
  KERNEL,
  SCRATCH,
  shellLine,
  terminalArguments,
  virtmeArguments,
} from './command.ts';
import type { GuestShape } from './command.ts';
import { frozenFolder } from './frozen.ts';
import { OWN_ROOT, SOON_ARGUMENT } from './init.ts';
import { probeKvm } from './kvm.ts';
import { lackingModule } from './modules.ts';
import { inStandalone, preloadFiles } from './preload.ts';
import type { Standalone } from './preload.ts';

/**
 * Virtual CPUs. One where they are emulated: QEMU 7.2's multi-threaded TCG now and then runs code of one CPU that another has
 * already patched (`Oops: int3` at a static branch, about once in 30 boots of 7.3), which is no fault of the kernel under test.
 */
export const CPUS = { kvm: 2, emulated: 1 } as const;

export interface GuestOptions {
  readonly kernel: BootKernel;
  /** Name in results; by default the kernel's. */
  readonly target?: string;
  /** Virtual CPUs, by default {@link CPUS}. */
  readonly cpus?: number;
  /** In MiB, by default what cases need. */
  readonly memory?: number;
  /** Default `auto`: KVM where it boots, TCG elsewhere. */
  readonly accel?: 'auto' | 'kvm' | 'tcg';
  /**
   * All of the host that the command needs besides its program and libraries: the guest's root then holds these and nothing else, and the
   * guest can be frozen. By default it is the host's root, which wants 9p of the kernel.
   */
  readonly standalone?: Standalone | undefined;
  /** Boots anew, also where a frozen guest is kept, and freezes none. */
  readonly fresh?: boolean;
  readonly kernelArguments?: readonly string[];
  readonly qemuArguments?: readonly string[];
  /** Told what holds for guests on this host and could surprise, e.g. that KVM cannot be used and why. */
  readonly onNote?: (note: string) => void;
  /** Shell line that the guest runs when its command has ended. */
  readonly afterwards?: string;
  /** Gets the other end of the guest's /dev/hvc0, a terminal of its own, when there is one. */
  readonly onTerminal?: (terminal: Duplex) => void;
  /** Gets the console as it comes. */
  readonly onConsole?: (text: string) => void;
}

/** Everything that start and describe need to know about this host. */
export interface GuestPlan {
  /** The command by its names in the guest. */
  readonly command: readonly string[];
  /** Folder where a guest like this is kept frozen; null where it cannot or shall not be. */
  readonly freezer: string | null;
  readonly vng: VngCommand;
  readonly files: BootFiles;
  readonly shape: GuestShape;
  /** Why TCG, when KVM was wanted; empty otherwise. */
  readonly note: string;
}

/** The emulator behind virtme-ng's command, of whose kind a frozen guest must be. */
const emulator = (path: string): string =>
  path
    .split(':')
    .map((folder) => join(folder, 'qemu-system-x86_64'))
    .find((file) => existsSync(file)) ?? '/dev/null';

/** Scratch for links, the socket and virtme-ng's temporary files, which are a few KiB. */
export const prepare = (kernel: BootKernel, files: BootFiles): string =>
  [
    ['mount', '-t', 'tmpfs', '-o', 'mode=0700,size=16m', 'segproof', SCRATCH],
    ['ln', '-s', resolve(kernel.image), IMAGE],
    ['ln', '-s', files.kernel, KERNEL],
    ['ln', '-s', files.initramfs, INITRAMFS],
  ]
    .map(shellLine)
    .join('\n');

/** Root needs no user namespace, and in one it could not read other users' files for the guest. */
export const namespaces = (): readonly Namespace[] =>
  process.geteuid?.() === 0 ? ['mount'] : ['user', 'mount'];

export const environment = (vng: VngCommand): NodeJS.ProcessEnv => ({
  ...process.env,
  ...vng.env,
  TMPDIR: SCRATCH,
});

/**
 * virtme-run opens its outputs again by name, which works for a pipe and not for the socket that Node makes, hence the
 * cat. Descriptors 3 and 4 are the gate's and none of its business.
 */
export const piped = (command: readonly string[]): readonly string[] => [
  'sh',
  '-c',
  '"$@" 3<&- 4>&- | cat',
  'segproof-guest',
  ...command,
];

export const planGuest = async (
  options: GuestOptions,
  { command, modules = [] }: Pick<MachineOptions, 'command' | 'modules'>,
): Promise<GuestPlan> => {
  const vng = await vngCommand();
  const path = vng.env['PATH'] ?? process.env['PATH'] ?? '';
  const busybox = findBusybox([vng.busybox, ...BUSYBOXES], path);
  if (busybox === null)
    throw new MachineError(
      'unavailable',
      'no statically linked busybox was found, and the guest starts from one',
      'Install it: apt-get install busybox-static',
    );
  const lacking = options.standalone ? null : lackingModule(options.kernel.modules, options.kernel.release);
  if (lacking !== null)
    throw new MachineError(
      'unavailable',
      `${options.kernel.release} cannot be a guest: it has no ${lacking}, neither built in nor as a module`,
      "A guest's root is this machine's own, by 9p over virtio; Debian's cloud kernels and those of Fedora and RHEL are built without it.",
    );
  const standalone = options.standalone ?? null;
  const files = bootFiles(options.kernel, { busybox, preload: preloadFiles(command), standalone });
  const accel = options.accel ?? 'auto';
  const probe = accel === 'auto' ? await probeKvm(files) : { usable: accel === 'kvm', reason: '' };
  const inside = standalone ? inStandalone(command, standalone) : command;
  const freezes = standalone !== null && !probe.usable && options.fresh !== true && !options.onTerminal;
  const shaped = (soon: readonly string[]): GuestShape => ({
    cpus: options.cpus ?? (probe.usable ? CPUS.kvm : CPUS.emulated),
    memory: options.memory ?? DEFAULT_MEMORY,
    kvm: probe.usable,
    afterwards: options.afterwards ?? '',
    kernelArguments: [
      ...(standalone ? [OWN_ROOT] : []),
      ...(soon.length === 0 ? [] : [`${SOON_ARGUMENT}=${soon.join(',')}`]),
      ...(options.kernelArguments ?? []),
    ],
    qemuArguments: [
      ...(options.onTerminal ? terminalArguments : []),
      ...(freezes ? controlArguments : []),
      ...(options.qemuArguments ?? []),
    ],
  });
  // Whatever modules the guest was asked to load first: it loads others when they are needed.
  const likes = [...vng.virtmeRun, ...virtmeArguments(inside, shaped([]))];
  return {
    vng,
    files,
    note: probe.reason,
    command: inside,
    shape: shaped(modules),
    freezer: freezes ? frozenFolder(files.folder, likes, emulator(path)) : null,
  };
};
