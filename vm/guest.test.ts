import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { once } from 'node:events';
import { test } from 'tap';
import type { Test } from 'tap';
import { aGuestKernel } from './fixtures/guest-kernel.ts';
import { compileEchoAgent } from './fixtures/compile.ts';
import { converse, trouble } from './fixtures/converse.ts';
import { processesWith, waitUntilGone } from './fixtures/leftovers.ts';
import { guestMachine } from './guest.ts';
import type { GuestOptions } from './guest.ts';
import type { Machine, MachineOptions } from './machine.ts';

const { kernel: guest, skip } = await aGuestKernel();

const options = (t: Test, extra: Partial<MachineOptions> = {}): MachineOptions => {
  const folder = t.testdir();
  return {
    command: compileEchoAgent(folder),
    folder: join(folder, 'evidence'),
    bootMs: 300_000,
    signal: new AbortController().signal,
    onState: () => undefined,
    ...extra,
  };
};

/** A boot takes 8 s under TCG on an idle machine, and many times that on a busy one. */
const TIMEOUT_MS = 900_000;
const settings = { skip, timeout: TIMEOUT_MS };

const boot = (machine: MachineOptions, extra: Partial<GuestOptions> = {}): Promise<Machine> =>
  guestMachine({ kernel: guest, accel: 'tcg', ...extra }).start(machine);

/** One whose processes can be told by a mark in their environment. */
const bootMarked = async (t: Test, mark: string): Promise<Machine> => {
  process.env['SEGPROOF_TEST_MARK'] = mark;
  try {
    return await boot(options(t));
  } finally {
    delete process.env['SEGPROOF_TEST_MARK'];
  }
};

const pause = new Int32Array(new SharedArrayBuffer(4));
const stand = (ms: number): unknown => Atomics.wait(pause, 0, 0, ms);

/** Not yet a zombie: its sockets may still be open, although its memory is gone. */
const hasFiles = (pid: number): boolean => {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
};

const mounts = (): string => readFileSync('/proc/self/mounts', 'utf8');
const isQemu = (pid: number): boolean => {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('qemu');
  } catch {
    return false;
  }
};
const qemuOf = (mark: string): number[] => processesWith(mark).filter(isQemu);

void test(
  'a guest runs the command as root on the kernel asked for, and everything it says arrives',
  settings,
  async (t) => {
    const states: string[] = [];
    const before = { mounts: mounts(), shm: readdirSync('/dev/shm') };
    const machineOptions = options(t, { onState: (state) => states.push(state) });
    const machine = await boot(machineOptions);
    const padding = 'p'.repeat(10_000);
    const orders = Array.from({ length: 300 }, (_, n) => ({ n, padding }));
    const { messages, error } = await converse(machine, [...orders, { do: 'end' }]);
    t.equal(error, null);
    t.match(messages[0], { hello: guest.release, uid: 0, links: 1 });
    t.equal(messages.length, 301);
    t.strictSame(messages.at(-1), { echo: { n: 299, padding } });
    t.match(await machine.console(), /command ended with status 0/);
    t.equal(readFileSync(join(machineOptions.folder, 'console.log'), 'utf8'), await machine.console());
    t.strictSame(states, ['booting', 'running']);
    await machine[Symbol.asyncDispose]();
    t.strictSame({ mounts: mounts(), shm: readdirSync('/dev/shm') }, before);
  },
);

void test(
  'a guest whose kernel panics is a crash, with the line that says so and the console',
  settings,
  async (t) => {
    await using machine = await boot(options(t));
    const { messages, error } = await converse(machine, [{ n: 1 }, { do: 'panic' }]);
    t.equal(trouble(error), 'crash');
    t.match(error?.message, /panic|NULL/);
    t.match(await machine.console(), /sysrq/i);
    t.strictSame(messages.slice(1), [{ echo: { n: 1 } }]);
  },
);

void test('a guest whose channel is cut in the middle of a record is garbled', settings, async (t) => {
  await using machine = await boot(options(t));
  const { messages, error } = await converse(machine, [{ do: 'cut' }]);
  t.equal(trouble(error), 'garbled');
  t.equal(messages.length, 1);
});

void test('a guest whose QEMU is killed is lost, and nothing is left of it', settings, async (t) => {
  const mark = randomUUID();
  await using machine = await bootMarked(t, mark);
  const messages = machine.messages[Symbol.asyncIterator]();
  await messages.next();
  for (const pid of qemuOf(mark)) process.kill(pid, 'SIGKILL');
  t.equal(
    trouble(
      await messages.next().then(
        () => null,
        (error: unknown) => error as Error,
      ),
    ),
    'lost',
  );
  t.strictSame(await waitUntilGone(mark, 10_000), []);
});

void test(
  'what a guest said before it died is read although somebody writes to it after that',
  settings,
  async (t) => {
    const mark = randomUUID();
    await using machine = await bootMarked(t, mark);
    await machine.messages[Symbol.asyncIterator]().next();
    for (let number = 0; number < 5; number++) machine.send({ number });
    // Nothing is read meanwhile: this thread stands still, until the guest has answered and then until it is gone.
    stand(5000);
    const dying = qemuOf(mark);
    for (const pid of dying) process.kill(pid, 'SIGKILL');
    while (dying.some(hasFiles)) stand(20);
    t.equal(dying.length, 1);
    const { messages: read, error } = await converse(machine, [{ number: 5 }]);
    t.strictSame(
      read,
      [0, 1, 2, 3, 4].map((number) => ({ echo: { number } })),
    );
    t.equal(trouble(error), 'lost');
  },
);

void test('a guest that never comes up ends at the boot deadline', settings, async (t) => {
  await using machine = await boot(options(t, { bootMs: 1500 }));
  t.equal(trouble((await converse(machine, [])).error), 'boot-timeout');
});

void test('a kernel that panics before the agent runs is a crash at once', settings, async (t) => {
  await using machine = await boot(options(t), {
    kernelArguments: ['rdinit=/none', 'init=/none', 'root=/none'],
  });
  // An order that nobody reads: QEMU then resets its connection.
  const { error } = await converse(machine, [{ n: 1 }]);
  t.equal(trouble(error), 'crash');
  t.match(error?.message, /panic/);
});

void test('an image that is no kernel is lost with what QEMU says of it', settings, async (t) => {
  const image = join(t.testdir(), 'vmlinuz');
  const machineOptions = options(t);
  mkdirSync(machineOptions.folder, { recursive: true });
  writeFileSync(image, 'not a kernel');
  const broken = { name: 'broken', image, modules: null, release: 'none' };
  await using machine = await guestMachine({ kernel: broken, accel: 'tcg' }).start(machineOptions);
  t.equal(trouble((await converse(machine, [])).error), 'lost');
});

void test('kill -9 of segproof leaves no process, mount or file of a guest behind', settings, async (t) => {
  const { command, folder } = options(t);
  const mark = randomUUID();
  const before = { mounts: mounts(), shm: readdirSync('/dev/shm') };
  const doomed = spawn(
    process.execPath,
    ['--import', 'tsx', `${import.meta.dirname}/fixtures/doomed.ts`, guest.spec, folder, ...command],
    { env: { ...process.env, MARK: mark }, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await once(doomed.stdout, 'data');
  t.equal(qemuOf(mark).length, 1);
  doomed.kill('SIGKILL');
  t.strictSame(await waitUntilGone(mark, 10_000), []);
  t.strictSame({ mounts: mounts(), shm: readdirSync('/dev/shm') }, before);
});

void test('describe prints the virtme-ng command with everything that was asked for', settings, async (t) => {
  const source = guestMachine({ kernel: guest, accel: 'tcg', memory: 768, kernelArguments: ['a.b=c'] });
  const lines = (await source.describe({ command: [process.execPath, 'x.js'], folder: '/f' })).join('\n');
  for (const part of [/virtme-run/, /--memory 768M/, /--kopt a\.b=c/, /virtserialport/, /--disable-kvm/])
    t.match(lines, part);
});
