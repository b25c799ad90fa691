/** Commands and options about machines: kernels, doctor, shell. */
import { InvalidArgumentError, type Command } from 'commander';
import type { KernelsFlags, KernelsVerb } from './kernels.ts';
import type { ShellFlags } from './shell.ts';

/** What tells which machines there are to be, in every command that starts one. */
export interface MachineFlags {
  readonly kernel: readonly string[];
  readonly kernelArg: readonly string[];
  readonly kvm: boolean;
  /** In MiB. */
  readonly memory?: number;
  readonly cpus?: number;
  readonly unverified?: boolean;
  readonly offline?: boolean;
  readonly fresh?: boolean;
  readonly verbose?: boolean;
}

const FORMS = `
Kernels:
  6.12                        the newest release of a series; 6.12-rt and 6.12-cloud are Debian's flavours of it
  6.12.95, debian:7.0.10      an exact release
  ./bzImage, /boot/vmlinuz-…  an image, with the modules that lie with it or with everything built in
  ~/linux                     a kernel tree that was built, modules installed or not; or an unpacked package
  linux-image.deb, k.rpm      a package; of a set of packages any one, the others are found beside it
  v6.6                        a mainline build as virtme-ng downloads it (nothing vouches for it but the server)
  running-image               the image of this machine's own kernel, as a guest`;

/** Smallest guest that a kernel with a compressed initramfs of 60 MB still boots in, and largest; MiB. */
const MEMORY = { least: 192, most: 1 << 20 } as const;

/** Options of every command that starts a machine. */
export function machineOptions(command: Command): Command {
  return command
    .option(
      '-k, --kernel <kernel>',
      'running (default), a series or release (6.1, 6.12.95), an image, a folder, a .deb or .rpm (repeatable; forms: segproof kernels fetch --help)',
      collect,
      [],
    )
    .option('--kernel-arg <arg>', 'add a kernel argument to guests (repeatable)', collect, [])
    .option('--cpus <n>', 'virtual CPUs of each guest (default: 1 emulated, 2 with KVM)', count)
    .option('--memory <MiB>', 'memory of each guest (default: what the cases need)', mebibytes)
    .option('--no-kvm', 'run guests under TCG even where KVM works')
    .option('--fresh', 'boot guests anew, also where one that had just booted is kept frozen')
    .option('--offline', 'use only kernels that are in the cache')
    .option('--unverified', 'take also kernels that nothing vouches for, and say so');
}

/** Adds the commands; `done` receives the exit status of the one that ran. */
export function machineCommands(root: Command, done: (exit: number) => void): void {
  kernels(root, done);
  root
    .command('doctor')
    .description('Check everything that a run can need on this machine, and say how to mend what is missing.')
    .option('--fix', 'mend what can be mended: install packages, fetch the index, rebuild damaged kernels')
    .addHelpText(
      'after',
      '\nExit status: 0 runs and guests can start, 69 something that they need is missing.',
    )
    .action(async (flags: { fix?: boolean }) => {
      done(await (await import('./doctor.ts')).doctorCommand(flags));
    });
  machineOptions(root.command('shell'))
    .description("Open a shell in a guest, as root, with a case's topology set up.")
    .argument('[case]', 'id of a case or one of its variants; none: a plain shell')
    .option('--suite <file>', 'read this suite file instead of suites/ (repeatable)', collect, [])
    .option('-n, --dry-run', 'print the exact commands and start nothing')
    .addHelpText(
      'after',
      `
The guest sees this machine's files and cannot change them; what it writes is forgotten. Leave it with exit or Ctrl-D; Ctrl-A X kills it.

Examples:
  segproof shell --kernel 6.12
  segproof shell --kernel 6.1 'udp-gso/limits/smallest-mtu[family=ipv4]'`,
    )
    .action(async (id: string | undefined, flags: ShellFlags) => {
      done(await (await import('./shell.ts')).shellCommand(id, flags));
    });
}

function kernels(root: Command, done: (exit: number) => void): void {
  const command = root
    .command('kernels')
    .description('Find, fetch, check and remove kernels.')
    .exitOverride();
  const verb = (name: KernelsVerb, what: string, more = ''): Command =>
    command
      .command(name)
      .description(what)
      .addHelpText('after', more)
      .action(async (...given: unknown[]) => {
        const specs = name === 'fetch' ? (given[0] as string[]) : [];
        const flags = given[name === 'fetch' ? 1 : 0] as KernelsFlags;
        done(await (await import('./kernels.ts')).kernelsCommand(name, specs, flags));
      });
  verb('list', 'Show which series the archive serves, and what is cached.')
    .option('--all', 'every release, not only the newest of each series')
    .option('--refresh', 'read the package index again (it is kept for 12 hours)')
    .option('--offline', 'by the index of the last time');
  verb('fetch', 'Download, verify and unpack kernels into the cache.', FORMS)
    .argument('<kernel...>', 'as for run --kernel')
    .option('--refresh', 'read the package index again')
    .option('--unverified', 'take also what nothing vouches for, and say so');
  verb(
    'prune',
    'Remove kernels from the cache: by default all but the newest of each series.',
    '\nWhat cut-off work has left is removed too. What a run at work uses is not protected: prune when none is.',
  )
    .option('--all', 'remove every kernel')
    .option('--damaged', 'remove only what verify finds damaged');
  verb(
    'verify',
    'Compare every file of the cached kernels with its checksum.',
    '\nExit status: 0 all are whole, 1 some are damaged (segproof kernels prune --damaged removes them).',
  );
}

export function collect(value: string, previous: string[]): string[] {
  return [...previous, value];
}

export function count(value: string): number {
  if (!/^[1-9]\d{0,3}$/.test(value)) throw new InvalidArgumentError('a whole number from 1 on is expected.');
  return Number(value);
}

function mebibytes(value: string): number {
  const number = /^\d{1,7}$/.test(value) ? Number(value) : NaN;
  if (number >= MEMORY.least && number <= MEMORY.most) return number;
  throw new InvalidArgumentError(`a whole number of MiB from ${MEMORY.least} to ${MEMORY.most} is expected.`);
}
