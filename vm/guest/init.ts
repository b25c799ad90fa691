/**
 * What runs in a guest before the agent. virtme-ng's own init takes 10 to 20 s under TCG, because it is a bash script
 * whose every command is read page by page over an uncached 9p mount, and because it starts udev and
 * systemd-tmpfiles. This one is a busybox shell that lives in the initramfs, mounts the host's root with the page
 * cache on, and leaves out what no case needs.
 *
 * It takes the command from where virtme-ng puts it (`virtme.exec` on the kernel command line), so a kernel that cannot
 * use an initramfs still runs the same command through virtme-ng's own init.
 */

import { QUIET_FROM_THE_FIRST } from '../../harness/agent/sysctl.ts';

/** Begins each line by which init itself speaks on the console. */
export const MARK = 'segproof:';

/** Kernel argument that makes init say {@link ALIVE} and stop: the KVM probe. */
export const PROBE_ARGUMENT = 'segproof.probe';
export const ALIVE = `${MARK} alive`;

/** Kernel argument: modules to load while the command starts, separated by commas; see {@link LOAD_SOON}. */
export const SOON_ARGUMENT = 'segproof.modules';

/** Kernel argument: the guest's root is what the initramfs holds, and nothing of the host's. */
export const OWN_ROOT = 'segproof.root=own';

/** Said when the machine cannot come up, with the reason. */
export const BOOT_FAILED = `${MARK} boot failed`;

/** Said by the command line when the agent has ended, with its exit status. */
export const COMMAND_ENDED = `${MARK} command ended with status`;

/** Applets of busybox that init uses. */
export const APPLETS = [
  ...['sh', 'mount', 'umount', 'mkdir', 'cp', 'ln', 'cat', 'sed', 'base64', 'modprobe', 'chroot'],
  ...['reboot', 'ip', 'grep', 'uname', 'mknod'],
];

/** Needed for the channel where they are modules. */
const CHANNEL_MODULES = ['virtio_pci', 'virtio_console'];

/**
 * The host's root in the guest. cache=loose: 9p without it reads a program 4 KiB at a time and again for each start;
 * the host's files do not change under a running guest. msize: what virtio allows at most (500 KiB).
 * The root is an overlay: changes go to memory, and what the agent's start needs most (see preload.ts) comes from the
 * initramfs. That is why the root is moved over the initramfs as pivot_root would, and not by switch_root, which
 * empties it. A kernel without overlayfs gets the bare host root and single files bound over it.
 */
const hostRoot = (modulesFolder: string | null, needed: readonly string[]): string => `
${needed.length === 0 ? '' : `modprobe -a ${needed.join(' ')} || echo "${MARK} a module was refused" >/dev/console`}
mount -t 9p -o ro,version=9p2000.L,trans=virtio,access=any,msize=512000,cache=loose /dev/root /host ||
  fail 'the kernel cannot mount its root: it needs 9p and virtio (CONFIG_9P_FS, CONFIG_NET_9P_VIRTIO, CONFIG_VIRTIO_PCI)'
mount -t tmpfs -o mode=755 tmpfs /upper
mkdir /upper/files /upper/work
if mount -t overlay -o lowerdir=/preload:/host,upperdir=/upper/files,workdir=/upper/work overlay /root; then
  mkdir -p /root/tmp /root/run /root/dev /root/proc /root/sys /root/lib/modules
else
  mount -o bind /host /root
  mount -t tmpfs tmpfs /root/tmp
  while read -r path; do mount -o bind "/preload$path" "/root$path"; done </preload.list
fi
${modulesFolder === null ? '' : linkModules(modulesFolder)}`;

/** Nothing but the command's own files: works without 9p, and there is nothing that a snapshot of the guest would have to bring back. */
const ownRoot = `
modprobe -a ${CHANNEL_MODULES.join(' ')} 2>/dev/null
mount -o bind /preload /root
mkdir -p /root/etc /root/tmp /root/run /root/dev /root/proc /root/sys /root/lib/modules
mount -o bind /lib/modules /root/lib/modules
cp /etc/modprobe.conf /root/etc/`;

/**
 * First stage, in the initramfs. Of all modules that are loaded by opening a device, tun alone is of use here; its device is otherwise
 * there only once it is loaded, as systemd-tmpfiles does elsewhere (modules.devname).
 */
export const firstStage = (modulesFolder: string | null, needed: readonly string[]): string => `#!/bin/sh
export PATH=/bin
mount -t proc proc /proc
fail() { echo "${BOOT_FAILED}: $*" >/dev/console; reboot -f; }
if grep -q ${PROBE_ARGUMENT.replace('.', '\\.')} /proc/cmdline; then echo "${ALIVE}" >/dev/console; reboot -f; fi
if grep -q '${OWN_ROOT.replace('.', '\\.')}' /proc/cmdline; then
${ownRoot}
else
${hostRoot(modulesFolder, needed)}
fi
mount -t tmpfs -o mode=755 tmpfs /root/run
mount -t devtmpfs -o mode=755 dev /root/dev || fail 'the kernel has no devtmpfs'
[ -e /root/dev/net/tun ] || { mkdir -p /root/dev/net; mknod /root/dev/net/tun c 10 200; }
mount -t sysfs sys /root/sys
mkdir -p /root/dev/pts /root/dev/shm /root/run/segproof
mount -t devpts -o gid=5,mode=620 devpts /root/dev/pts
mount -t tmpfs -o mode=1777 tmpfs /root/dev/shm
ln -s /proc/self/fd /root/dev/fd
mount -t cgroup2 cgroup2 /root/sys/fs/cgroup 2>/dev/null
mount -t debugfs debugfs /root/sys/kernel/debug 2>/dev/null
mount -t tracefs tracefs /root/sys/kernel/tracing 2>/dev/null
mount -t bpf bpf /root/sys/fs/bpf 2>/dev/null
mount -t configfs configfs /root/sys/kernel/config 2>/dev/null
mount -t securityfs securityfs /root/sys/kernel/security 2>/dev/null
${SILENT}
ip link set lo up
cp /bin/busybox /second-stage /root/run/segproof/
ln -s busybox /root/run/segproof/sh
ln -s busybox /root/run/segproof/modprobe
sed -n 's/.*virtme\\.exec=\`\\([^\`]*\\)\`.*/\\1/p' /proc/cmdline | base64 -d >/root/run/segproof/command
[ -s /root/run/segproof/command ] || fail 'no command was given'
[ -x /root/sbin/modprobe ] || echo /run/segproof/modprobe >/proc/sys/kernel/modprobe
${LOAD_SOON}
mount -o move /proc /root/proc
cd /root
mount -o move . /
exec chroot . /run/segproof/second-stage </dev/console >/dev/console 2>&1
`;

/**
 * While the command starts; whoever needs one of them meanwhile waits for it in the kernel. From the initramfs, which this shell
 * still has as its root when the others have left it.
 */
const LOAD_SOON = `soon=$(sed -n 's/.*${SOON_ARGUMENT}=\\([^ ]*\\).*/\\1/p' /proc/cmdline)
[ -n "$soon" ] && modprobe -a $(echo "$soon" | sed 's/,/ /g') </dev/null >/dev/null 2>&1 &`;

/** The agent's namespaces begin silent, and it need not see to each. */
const SILENT = QUIET_FROM_THE_FIRST.map(
  ([key, value]) => `[ -e /proc/sys/${key} ] && echo ${value} >/proc/sys/${key}`,
).join('\n');

/** Without the devices that dummy and ifb would make by themselves. */
export const MODULE_OPTIONS = 'options dummy numdummies=0\noptions ifb numifbs=0\n';

const quoted = (path: string): string => `'${path.replaceAll("'", "'\\''")}'`;

/** Modules on demand: the kernel's own folder, under the name that modprobe looks for. */
const linkModules = (modulesFolder: string): string =>
  `mount -t tmpfs tmpfs /root/lib/modules && ln -s ${quoted(modulesFolder)} "/root/lib/modules/$(uname -r)"`;

/** Second stage, process 1 on the final root. reboot, not poweroff: QEMU runs with -no-reboot, and it needs no ACPI. */
export const SECOND_STAGE = `#!/run/segproof/sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TMPDIR=/tmp
cd /
/run/segproof/sh /run/segproof/command </dev/null >/dev/console 2>&1
/run/segproof/busybox reboot -f
`;
