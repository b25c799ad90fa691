/** May this caller create user namespaces, and if not, which switch forbids it? */
import { readFileSync } from 'node:fs';

const read = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return null;
  }
};

/**
 * Switches that are known to forbid unprivileged user namespaces, as lines of advice; empty when all are open.
 * `unprivileged_userns_clone` is Debian's and Arch's patch, `apparmor_restrict_…` came with Ubuntu 23.10.
 */
export const userNamespaceAdvice = (readSwitch: (path: string) => string | null = read): string[] => {
  const advice: string[] = [];
  const closed = (name: string, shut: (value: string) => boolean, remedy: string): void => {
    const value = readSwitch(`/proc/sys/${name.replaceAll('.', '/')}`);
    if (value !== null && shut(value))
      advice.push(`${name} is ${value}: ${remedy}, or run segproof as root.`);
  };
  closed('kernel.unprivileged_userns_clone', (v) => v === '0', 'sysctl kernel.unprivileged_userns_clone=1');
  closed(
    'kernel.apparmor_restrict_unprivileged_userns',
    (v) => v !== '0',
    'sysctl kernel.apparmor_restrict_unprivileged_userns=0',
  );
  closed('user.max_user_namespaces', (v) => v === '0', 'sysctl user.max_user_namespaces=10000');
  closed('user.max_net_namespaces', (v) => v === '0', 'sysctl user.max_net_namespaces=10000');
  // unshare(2): EPERM in a chroot; mount(2): EINVAL where the root is no mount point. Field 5 is the mount point.
  const mounts = readSwitch('/proc/self/mountinfo');
  if (mounts !== null && !mounts.split('\n').some((line) => line.split(' ')[4] === '/'))
    advice.push(
      'The root of this process is a plain folder (a chroot), where the kernel gives no namespaces: enter it by systemd-nspawn -D, or as root after `mount --bind DIR DIR`.',
    );
  return advice;
};
