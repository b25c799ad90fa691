/** An endpoint that brings its machine down where a send has a certain length; harness/e2e/faults.yaml has the cases. */
import { writeFileSync, writeSync } from 'node:fs';
import type { SystemCalls } from '../agent/sys.ts';

const FAULTS: Readonly<Record<number, () => void>> = {
  6661: () => {
    inGuest();
    writeFileSync('/proc/sysrq-trigger', 'c');
  },
  6662: () => process.kill(process.pid, 'SIGKILL'),
  // The beginning of a record, and then the end.
  6663: () => {
    writeSync(4, '99999 500 0123abcd {"type":');
    process.kill(process.pid, 'SIGKILL');
  },
  6664: () => {
    inGuest();
    const hoard: Buffer[] = [];
    for (;;) hoard.push(Buffer.alloc(1 << 24, hoard.length + 1));
  },
  6665: () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
};

/** These would bring down the machine that the tests run on. */
function inGuest(): void {
  if (process.env['SEGPROOF_CHANNEL']?.startsWith('virtio:') !== true)
    throw new Error('this fault is for guests');
}

export default function wrong(next: SystemCalls): SystemCalls {
  return new Proxy(next, {
    get(target, name) {
      if (name === 'sendmsg')
        return (...args: Parameters<SystemCalls['sendmsg']>) => {
          FAULTS[args[1].iov.reduce((sum, { length }) => sum + length, 0)]?.();
          return target.sendmsg(...args);
        };
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(target) : value;
    },
  });
}
