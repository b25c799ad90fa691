/**
 * Does KVM work here? Asked by booting, because /dev/kvm may be there and open and still never bring a kernel up (nested
 * virtualisation that is half there: QEMU ends in an assertion, or the guest hangs for minutes).
 */
import { accessSync, constants, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheRoot } from '../kernels/paths.ts';
import { spawnTree, TreeError } from '../process-group.ts';
import { toolPath } from '../tools.ts';
import { ALIVE, PROBE_ARGUMENT } from './init.ts';

export interface KvmProbe {
  readonly usable: boolean;
  /** Why not; empty when usable. */
  readonly reason: string;
}

/** Longest wait in ms. A working KVM brings a kernel up in 1 to 2 s. */
const DEADLINE_MS = 15_000;

/** The answer holds until the host reboots. */
const cachePath = (): string => join(cacheRoot(), 'kvm.json');
const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

const remembered = (): KvmProbe | null => {
  try {
    const kept = JSON.parse(readFileSync(cachePath(), 'utf8')) as KvmProbe & { readonly bootId?: unknown };
    return kept.bootId === bootId() ? { usable: kept.usable, reason: kept.reason } : null;
  } catch {
    return null;
  }
};

const qemu = (files: { readonly kernel: string; readonly initramfs: string }): readonly string[] => [
  ...['qemu-system-x86_64', '-machine', 'q35,accel=kvm', '-cpu', 'host', '-m', '512M', '-nodefaults'],
  ...[
    '-display',
    'none',
    '-no-reboot',
    '-serial',
    'stdio',
    '-kernel',
    files.kernel,
    '-initrd',
    files.initramfs,
  ],
  ...['-append', `console=ttyS0 quiet panic=-1 ${PROBE_ARGUMENT}`],
];

/** Where KVM is and how it is tried; tests put something else there. */
export interface KvmHost {
  readonly device: string;
  /** Command that boots a guest which says ALIVE. */
  readonly boot: (files: { readonly kernel: string; readonly initramfs: string }) => readonly string[];
  /** Longest wait in ms. */
  readonly deadlineMs: number;
}

const HOST: KvmHost = { device: '/dev/kvm', boot: qemu, deadlineMs: DEADLINE_MS };

const boot = async (command: readonly string[], deadlineMs: number): Promise<KvmProbe> => {
  const namespaces = process.geteuid?.() === 0 ? [] : (['user'] as const);
  const env = { ...process.env, PATH: toolPath };
  await using tree = await spawnTree({ command, env, namespaces });
  let said = '';
  tree.output.on('data', (chunk: Buffer) => {
    said += chunk.toString('latin1');
  });
  const clock = { late: false };
  const deadline = setTimeout(() => {
    clock.late = true;
    void tree[Symbol.asyncDispose]();
  }, deadlineMs);
  tree.go();
  const { how } = await tree.ended;
  clearTimeout(deadline);
  if (said.includes(ALIVE)) return { usable: true, reason: '' };
  if (clock.late)
    return { usable: false, reason: `KVM is there but no guest came up within ${deadlineMs / 1000} s` };
  const words = said.trim().split('\n').at(0) ?? '';
  return { usable: false, reason: `KVM is there but QEMU ended ${how}${words && `: ${words}`}` };
};

/** Whether guests can use KVM; found out once per boot of this host. */
export const probeKvm = async (
  files: { readonly kernel: string; readonly initramfs: string },
  host: KvmHost = HOST,
): Promise<KvmProbe> => {
  try {
    accessSync(host.device, constants.R_OK | constants.W_OK);
  } catch {
    return { usable: false, reason: `${host.device} is not there or not open to this user` };
  }
  const known = remembered();
  if (known) return known;
  let probe: KvmProbe;
  try {
    probe = await boot(host.boot(files), host.deadlineMs);
  } catch (error) {
    if (!(error instanceof TreeError)) throw error;
    return { usable: false, reason: error.message };
  }
  mkdirSync(cacheRoot(), { recursive: true });
  writeFileSync(cachePath(), JSON.stringify({ ...probe, bootId: bootId() }));
  return probe;
};
