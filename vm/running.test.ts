import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { once } from 'node:events';
import { test } from 'tap';
import type { Test } from 'tap';
import { compileEchoAgent } from './fixtures/compile.ts';
import { processesWith, waitUntilGone } from './fixtures/leftovers.ts';
import { converse, trouble } from './fixtures/converse.ts';
import type { MachineOptions } from './machine.ts';
import { runningKernel } from './running.ts';

interface Hello {
  readonly hello: string;
  readonly uid: number;
  readonly namespaces: Readonly<Record<string, string>>;
  readonly links: number;
}

const options = (t: Test, extra: Partial<MachineOptions> = {}): MachineOptions => ({
  command: compileEchoAgent(t.testdir()),
  folder: t.testdirName,
  bootMs: 20_000,
  signal: new AbortController().signal,
  onState: () => undefined,
  ...extra,
});

void test('the agent runs as root in namespaces of its own and is heard', async (t) => {
  await using machine = await runningKernel.start(options(t));
  const { messages, error } = await converse(machine, [{ n: 1 }, { n: 2 }, { do: 'end' }]);
  const [hello, ...echoes] = messages as [Hello, ...unknown[]];
  t.equal(error, null);
  t.strictSame(echoes, [{ echo: { n: 1 } }, { echo: { n: 2 } }]);
  t.equal(hello.hello, readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim());
  t.equal(hello.uid, 0);
  t.equal(hello.links, 1, 'only lo');
  for (const name of ['mnt', 'net', 'pid'])
    t.not(hello.namespaces[name], readlinkSync(`/proc/self/ns/${name}`), name);
});

void test('thousands of orders with big replies go through without anybody waiting for the other', async (t) => {
  await using machine = await runningKernel.start(options(t));
  const padding = 'p'.repeat(10_000);
  const orders = Array.from({ length: 3000 }, (_, n) => ({ n, padding }));
  const { messages, error } = await converse(machine, [...orders, { do: 'end' }]);
  t.equal(error, null);
  t.equal(messages.length, 3001);
  t.strictSame(messages.at(-1), { echo: { n: 2999, padding } });
});

void test('an agent that is killed is lost, with its last words', async (t) => {
  await using machine = await runningKernel.start(options(t));
  const { error } = await converse(machine, [{ do: 'die' }]);
  t.equal(trouble(error), 'lost');
});

void test('an agent that gives up is lost, with its status and its last words', async (t) => {
  await using machine = await runningKernel.start(options(t));
  const { error } = await converse(machine, [{ do: 'fail' }]);
  t.equal(trouble(error), 'lost');
  t.match(error?.message, /status 3[^]*the agent gives up/);
});

void test('a record cut in the middle is garbled, and what came before it counts', async (t) => {
  await using machine = await runningKernel.start(options(t));
  const { messages, error } = await converse(machine, [{ do: 'cut' }]);
  t.equal(trouble(error), 'garbled');
  t.equal(messages.length, 1);
});

void test('what an agent said before its death is heard, even if it was written to meanwhile', async (t) => {
  await using machine = await runningKernel.start(options(t));
  const messages = machine.messages[Symbol.asyncIterator]();
  await messages.next();
  machine.send({ do: 'cut' });
  // Nothing is read meanwhile, the agent dies, and the next record cannot be written.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
  machine.send({ n: 2 });
  await t.rejects(messages.next(), { message: /bytes into record 1/ });
});

void test('a silent agent is given up at the boot deadline', async (t) => {
  const command = [process.execPath, '-e', 'setTimeout(() => {}, 1e6)'];
  await using machine = await runningKernel.start(options(t, { command, bootMs: 300 }));
  const { error } = await converse(machine, []);
  t.equal(trouble(error), 'boot-timeout');
});

void test('a program that does not exist is lost at once and says so', async (t) => {
  await using machine = await runningKernel.start(options(t, { command: ['/no/such/program'] }));
  const { error } = await converse(machine, []);
  t.equal(trouble(error), 'lost');
  t.match(error?.message, /no\/such\/program/);
});

void test('aborting ends the machine and all it started', async (t) => {
  const controller = new AbortController();
  const mark = randomUUID();
  const base = options(t);
  const command = ['env', `MARK=${mark}`, ...base.command];
  const machine = await runningKernel.start({ ...base, command, signal: controller.signal });
  machine.send({ do: 'daemon' });
  const messages = machine.messages[Symbol.asyncIterator]();
  await messages.next();
  await messages.next();
  t.ok(processesWith(mark).length >= 2, 'agent and daemon');
  controller.abort(new Error('enough'));
  await t.rejects(messages.next(), { message: 'enough' });
  await machine[Symbol.asyncDispose]();
  t.strictSame(processesWith(mark), []);
});

void test('kill -9 of segproof leaves no process behind', async (t) => {
  const { command, folder } = options(t);
  const mark = randomUUID();
  const before = readdirSync('/dev/shm');
  const doomed = spawn(
    process.execPath,
    ['--import', 'tsx', `${import.meta.dirname}/fixtures/doomed.ts`, 'running', folder, ...command],
    { env: { ...process.env, MARK: mark }, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await once(doomed.stdout, 'data');
  t.ok(processesWith(mark).length >= 4, 'segproof, unshare, agent, daemon');
  doomed.kill('SIGKILL');
  t.strictSame(await waitUntilGone(mark, 10_000), []);
  t.strictSame(readdirSync('/dev/shm'), before);
});

void test('describe prints the command with the namespaces in it', async (t) => {
  const [line = ''] = await runningKernel.describe({ command: ['/usr/bin/node', 'a b.js'], folder: '/f' });
  t.match(line, /--user --map-root-user --mount --net --pid/);
  t.match(line, /'a b.js'$/);
});
