/** The virtme-ng command that boots a guest: every word of it, and why. */
import { COMMAND_ENDED } from './init.ts';
import { forEmulation } from './node-flags.ts';

/** A tmpfs of the tree's own is mounted here: sockets, temporary files and links in it vanish with the tree. */
export const SCRATCH = '/dev/shm';
export const IMAGE = `${SCRATCH}/vmlinuz`;
export const KERNEL = `${SCRATCH}/vmlinux`;
export const INITRAMFS = `${SCRATCH}/initramfs`;
/**
 * A channel has a socket per direction: one that is written to when its guest has just died is destroyed at once, with everything
 * in it that nobody has read yet, and the case to blame is in there.
 */
export const SOCKETS = { orders: `${SCRATCH}/orders`, replies: `${SCRATCH}/replies` } as const;
/** QEMU's control channel, where a guest is frozen or awakened. */
export const CONTROL = `${SCRATCH}/control`;
/** Where a guest's memory goes when it is frozen. */
export const MEMORY = `${SCRATCH}/memory`;
/** Socket of the guest's /dev/hvc0, where it has one. */
export const TERMINAL = `${SCRATCH}/terminal`;
/** Names of the virtio-serial ports. */
const PORTS = { orders: 'segproof.orders', replies: 'segproof.replies' } as const;

/** Memory of a guest in MiB unless told otherwise; how it was found is in docs/boot-time.md. */
export const DEFAULT_MEMORY = 384;

export interface GuestShape {
  readonly cpus: number;
  /** In MiB. */
  readonly memory: number;
  readonly kvm: boolean;
  /** Shell line to run when the command has ended; empty for none. */
  readonly afterwards: string;
  /** Further kernel arguments, after all others. */
  readonly kernelArguments: readonly string[];
  /** Further QEMU arguments, after all others. */
  readonly qemuArguments: readonly string[];
}

/**
 * Kernel arguments. Which of them buy boot time under TCG, and how much, is in docs/boot-time.md.
 *  - loglevel=5: warnings and worse reach the console, which costs an exit from the guest per character;
 *  - oops=panic, softlockup_panic: a guest whose kernel has crashed ends at once, with the trace on its console;
 *    watchdog_thresh: a vCPU of an overloaded host may stand still for longer than the 20 s that are the default;
 *  - mitigations=off: nobody attacks the guest, and each switch of page tables flushes TCG's translations.
 */
const KERNEL_ARGUMENTS = [
  'loglevel=5',
  'printk.devkmsg=on',
  'log_buf_len=4M',
  'oops=panic',
  'softlockup_panic=1',
  'watchdog_thresh=30',
  'mitigations=off',
  'random.trust_cpu=on',
  'cryptomgr.notests',
  'no_timer_check',
  '8250.nr_uarts=1',
  'i8042.nokbd',
  'i8042.noaux',
];

const quoted = (word: string): string =>
  /^[\w./:=+,@%-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** A command line as one could type it. */
export const shellLine = (words: readonly string[]): string => words.map(quoted).join(' ');

/** The shell line that the guest runs: the agent with its channel, and a last word about how it ended. */
export const guestScript = (
  command: readonly string[],
  shape: Pick<GuestShape, 'kvm' | 'afterwards'>,
): string =>
  `SEGPROOF_CHANNEL=virtio:${PORTS.orders},${PORTS.replies} ${shellLine(shape.kvm ? command : forEmulation(command))}; echo "${COMMAND_ENDED} $?" >/dev/console${shape.afterwards && `; ${shape.afterwards}`}`;

/**
 * The CPU that TCG emulates. Without SMAP, SMEP and protection keys each system call and copy has less to switch; without
 * ERMS the kernel copies and clears words in place of bytes; without LA57 page walks are a level shorter. Nobody attacks the guest.
 */
const EMULATED_CPU = 'max,-smap,-smep,-pku,-umip,-la57,-erms,-fsrm';

/**
 * For virtme-run's own virtio-serial device, which has one to four ports. QEMU makes two queues for each of the 31 that there
 * could be, and its main loop looks at all of them whenever a timer of the guest is set: two fifths of that loop's time
 * (docs/boot-time.md), which with a guest per core another guest pays for.
 */
const FEW_PORTS = ['-global', 'virtio-serial-device.max_ports=8'] as const;

/**
 * The channel's device, with room for two ports and a terminal. A guest that writes to a port spins until the host has taken it
 * (`__send_to_port()`, drivers/char/virtio_console.c); under TCG its own thread takes it at once, and need not wait for QEMU's.
 */
const channelDevice = (kvm: boolean): string =>
  `virtio-serial-pci,id=segproof,max_ports=4${kvm ? '' : ',ioeventfd=off'}`;

const port = (direction: keyof typeof PORTS): readonly string[] => [
  ...['-chardev', `socket,id=${direction},path=${SOCKETS[direction]}`],
  ...[
    '-device',
    `virtserialport,bus=segproof.0,id=${direction},name=${PORTS[direction]},chardev=${direction}`,
  ],
];

/**
 * Arguments of virtme-run, the program behind vng: it takes them without a shell in between. `--mods none` and the image
 * outside of any module folder keep it from making an initramfs; ours is named after its own and so replaces it.
 */
export const virtmeArguments = (command: readonly string[], shape: GuestShape): readonly string[] => [
  ...['--kimg', IMAGE, '--mods', 'none', '--force-9p', '--disable-microvm'],
  ...(shape.kvm ? [] : ['--disable-kvm']),
  ...['--cpus', String(shape.cpus), '--memory', `${shape.memory}M`],
  '--show-boot-console',
  ...['--script-sh', guestScript(command, shape)],
  ...[...KERNEL_ARGUMENTS, ...shape.kernelArguments].flatMap((argument) => ['--kopt', argument]),
  '--qemu-opts',
  '-nodefaults',
  ...['-kernel', KERNEL, '-initrd', INITRAMFS],
  // virtme-run has said `-cpu max` before: the last one counts.
  ...(shape.kvm ? [] : ['-cpu', EMULATED_CPU]),
  ...FEW_PORTS,
  ...['-device', channelDevice(shape.kvm)],
  ...port('orders'),
  ...port('replies'),
  ...shape.qemuArguments,
];

/** Further QEMU arguments that give the guest a terminal, /dev/hvc0. */
export const terminalArguments: readonly string[] = [
  ...['-chardev', `socket,id=terminal,path=${TERMINAL}`],
  ...['-device', 'virtconsole,bus=segproof.0,name=terminal,chardev=terminal'],
];

/** Further QEMU arguments by which the guest can be frozen. */
export const controlArguments: readonly string[] = ['-qmp', `unix:${CONTROL}`];
