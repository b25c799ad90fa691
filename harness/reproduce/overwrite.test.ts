/** Sends whose bytes change after the call, in C programs. */
import { spawnSync } from 'node:child_process';
import t from 'tap';
import { gso, host, inPrivateNamespace, loopback, receiveBlind, send } from '../agent/test-support.ts';
import type { Expected } from '../contract/expectation.ts';
import type { Action, Message } from '../contract/program.ts';
import { reproducer } from './reproducer.ts';
import { compileAndRun, planned, row, type Step } from './test-support.ts';
import { Unprintable } from './unprintable.ts';

const OK: Expected = { ok: true };
const noCompiler = spawnSync('gcc', ['--version']).error ? 'gcc is not installed' : false;

/** 3000 bytes in pieces, of which 2000 become those of stream 1; the kernel holds them until the second send comes. */
function steps(flags: readonly string[], changed: boolean): Step[] {
  const overwritten: Message = {
    stream: 0,
    iov: [700, 800, 1500],
    to: host(),
    control: gso(1000),
    overwrite: { stream: 1, from: 1000 },
  };
  const open = (socket: string): Step => [
    { do: 'open', socket, ns: 'host', family: 'ipv4', protocol: 'udp' },
    OK,
  ];
  return [
    open('rx'),
    [{ do: 'bind', socket: 'rx', to: host() }, OK],
    open('tx'),
    [{ do: 'set', socket: 'tx', level: 'SOL_SOCKET', option: 'SO_ZEROCOPY', value: { int: 1 } }, OK],
    [
      {
        ...(send(0, 0) as Extract<Action, { do: 'send' }>),
        messages: [overwritten],
        flags: [...flags, 'MSG_MORE'],
      },
      { ok: true, returns: 3000 },
    ],
    [send(2, 500), OK],
    [
      receiveBlind(4, 200),
      {
        datagrams: [
          ...row(0, [1000]),
          ...(changed ? row(1, [1000, 1000]) : row(0, [1000, 1000, 1000]).slice(1)),
          ...row(2, [500]),
        ],
      },
    ],
  ];
}

t.setTimeout(120_000);
await inPrivateNamespace(import.meta.url, async () => {
  if (noCompiler !== false) {
    t.comment(noCompiler);
    return;
  }
  // Like the kernel's own pages, those of a sender are copied when the packet is given to a socket of this machine.
  await t.test('what the kernel has not copied changes', async (t) => {
    const ran = await compileAndRun(reproducer(planned(steps(['MSG_ZEROCOPY'], true), loopback()), '6.12'));
    t.equal(ran.warnings, '', 'no warnings');
    t.equal(ran.exit, 0, 'exit 0', { output: ran.stdout + ran.stderr });
    t.match(ran.stdout, ', overwritten from byte 1000 on, MSG_ZEROCOPY|MSG_MORE) = 3000');
    const wrong = await compileAndRun(
      reproducer(planned(steps(['MSG_ZEROCOPY'], false), loopback()), '6.12'),
    );
    t.equal(wrong.exit, 1);
    t.match(
      wrong.failures[0],
      /^FAIL: expected byte \d of item 1 to be 0x.. \(byte 100\d of send 0\), got 0x..$/u,
    );
  });

  await t.test('what it has copied does not', async (t) => {
    t.equal((await compileAndRun(reproducer(planned(steps([], false), loopback()), '6.12'))).exit, 0);
    const wrong = await compileAndRun(reproducer(planned(steps([], true), loopback()), '6.12'));
    t.match(
      wrong.failures[0],
      /^FAIL: expected byte \d of item 1 to be 0x.. \(byte \d of send 1\), got 0x..$/u,
    );
  });

  await t.test('what the agent does not do, either, is refused', (t) => {
    const message: Message = { stream: 0, iov: [9], control: [], overwrite: { stream: 1, from: 0 } };
    const refused = (more: Partial<Extract<Action, { do: 'send' }>>, what: RegExp): void => {
      const [, , open] = steps([], false);
      const action = { ...send(0, 0), messages: [message], ...more } as Action;
      const error = t.throws(
        () => reproducer(planned([...(open ? [open] : []), [action, OK]], loopback()), '6.12'),
        { message: what },
      );
      t.ok(error instanceof Unprintable);
    };
    refused({ call: 'sendmmsg' }, /a sendmmsg whose bytes change after it/);
    refused({ messages: [{ ...message, unreadable: 0 }] }, /some of them at NULL/);
    t.end();
  });
});
