import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { Duplex } from 'node:stream';
import tap, { test } from 'tap';
import type { Test } from 'tap';
import { aGuestKernel } from './fixtures/guest-kernel.ts';
import { compileEchoAgent } from './fixtures/compile.ts';
import { converse } from './fixtures/converse.ts';
import { guestMachine } from './guest.ts';
import type { GuestOptions } from './guest.ts';
import { findFrozen, freeze, tidy } from './guest/frozen.ts';
import { planGuest } from './guest/plan.ts';
import { Qmp } from './guest/qmp.ts';

/* Guests that need not boot. The agent of these tests is silent until it is spoken to. */

const { kernel, skip } = await aGuestKernel();
const TIMEOUT_MS = 900_000;
const settings = { skip, timeout: TIMEOUT_MS };

const base = tap.testdir();
const command = [...compileEchoAgent(base), 'quiet'];
const options: GuestOptions = {
  kernel,
  accel: 'tcg',
  standalone: { base, files: ['package.json', 'agent-channel.js', 'frames.js', 'fixtures'] },
};

interface Hello {
  /** Random for each boot: drawn before the channel is opened. */
  readonly born: string;
  readonly root: readonly string[];
  readonly tun: boolean;
}

/** A guest from its start to its end. */
const live = async (
  t: Test,
  more: Partial<GuestOptions> = {},
): Promise<Hello & { readonly console: string }> => {
  await using machine = await guestMachine({ ...options, ...more }).start({
    ...{ command, folder: t.testdir(), bootMs: 300_000, signal: new AbortController().signal },
    onState: () => undefined,
  });
  const { messages, error } = await converse(machine, [{ n: 1 }, { do: 'end' }]);
  t.equal(error, null);
  t.strictSame(messages[1], { echo: { n: 1 } });
  return { ...(messages[0] as Hello), console: await machine.console() };
};

const freezer = skip === false ? (await planGuest(options, { command })).freezer : null;
const folder = freezer ?? '/none';
tap.teardown(() => {
  if (freezer !== null) rmSync(dirname(freezer), { recursive: true, force: true });
});

void test(
  'a guest is frozen when it has booted, and the next one goes on from there',
  settings,
  async (t) => {
    const first = await live(t);
    t.notOk(first.root.includes('home'), "nothing of the host's is there");
    t.ok(first.tun, 'a module that nobody asked for is loaded by who opens its device');
    t.ok(existsSync(join(folder, 'about.json')));
    const second = await live(t);
    t.equal(second.born, first.born);
    t.match(second.console, /goes on here/);
    t.match(second.console, /Linux version/, 'what was said at its boot is there too');
    const third = await live(t, { fresh: true });
    t.not(third.born, first.born, 'one that shall be fresh boots');
    t.notMatch(third.console, /goes on here/);
    const other = await live(t, { kernelArguments: ['a.b=c'] });
    t.not(other.born, first.born, 'another command line is another guest');
    t.equal(readdirSync(dirname(folder)).filter((name) => name.startsWith('frozen-')).length, 2);
  },
);

void test(
  'a frozen guest that is damaged is never awakened: another boots, and is frozen in its place',
  settings,
  async (t) => {
    const memory = join(folder, 'memory');
    const before = await live(t);
    const fd = openSync(memory, 'r+');
    const byte = Buffer.from(readFileSync(memory).subarray(100_000_000, 100_000_001));
    writeSync(fd, Buffer.of((byte[0] ?? 0) ^ 1), 0, 1, 100_000_000);
    closeSync(fd);
    const flipped = await live(t);
    t.not(flipped.born, before.born);
    t.equal((await live(t)).born, flipped.born, 'which is what is kept from then on');
    truncateSync(memory, 50_000_000);
    const cut = await live(t);
    t.not(cut.born, flipped.born);
    writeFileSync(join(folder, 'about.json'), '{');
    t.equal(findFrozen(folder), null);
    t.not((await live(t)).born, cut.born);
  },
);

void test('a guest that cannot be frozen goes on all the same, and leaves nothing', async (t) => {
  const store = t.testdir({ file: '' });
  for (const [place, refused] of [
    [join(store, 'file', 'frozen-1'), ''],
    [join(store, 'frozen-1'), 'migrate'],
  ] as const) {
    const asked: string[] = [];
    const socket = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _, done) => {
        const { execute } = JSON.parse(String(chunk)) as { execute: string };
        asked.push(execute);
        socket.push(execute === refused ? '{"error":{"desc":"no"}}\n' : '{"return":{}}\n');
        done();
      },
    });
    let went = false;
    const qmp = new Qmp(socket, () => undefined);
    const onwards = (): void => {
      went = true;
    };
    await freeze(qmp, { folder: place, stream: new Promise(() => undefined), console: '', onwards });
    t.ok(went);
    t.equal(asked.at(-1), 'cont');
  }
  t.strictSame(readdirSync(store), ['file']);
});

void test('what a run was freezing when it was killed is removed by the next, and what another is freezing now is not', (t) => {
  const [old, now] = ['frozen-1.999999999.a', `frozen-1.${process.pid}.b`];
  const store = t.testdir({ [old]: { memory: 'half' }, [now]: { memory: 'half' }, vmlinux: '' });
  for (const [i, name] of ['frozen-2', 'frozen-3', 'frozen-4', 'frozen-5'].entries()) {
    mkdirSync(join(store, name));
    utimesSync(join(store, name), i, i);
  }
  tidy(store);
  t.strictSame(readdirSync(store).sort(), [now, 'frozen-3', 'frozen-4', 'frozen-5', 'vmlinux'].sort());
  t.end();
});

void test(
  'guests that start at once and find none frozen each boot, and one of them is kept',
  settings,
  async (t) => {
    rmSync(folder, { recursive: true, force: true });
    const guests = await Promise.all([live(t), live(t)]);
    t.not(guests[0].born, guests[1].born);
    const kept = await live(t);
    t.ok(guests.some(({ born }) => born === kept.born));
    t.strictSame(readdirSync(folder).sort(), ['about.json', 'console.log', 'memory']);
  },
);
