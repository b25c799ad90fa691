/** Launch times and times of arrival in C programs, as segproof has them. */
import { spawnSync } from 'node:child_process';
import t from 'tap';
import { host, inPrivateNamespace, loopback, receiveBlind } from '../agent/test-support.ts';
import type { Expected } from '../contract/expectation.ts';
import type { Action, Message } from '../contract/program.ts';
import { reproducer } from './reproducer.ts';
import { compileAndRun, planned, row, type Step } from './test-support.ts';

const OK: Expected = { ok: true };
const noCompiler = spawnSync('gcc', ['--version']).error ? 'gcc is not installed' : false;

const open = (socket: string): Step => [
  { do: 'open', socket, ns: 'host', family: 'ipv4', protocol: 'udp' },
  OK,
];
const set = (socket: string, option: string, value: { int: number } | { hex: string }): Step => [
  { do: 'set', socket, level: 'SOL_SOCKET', option, value },
  OK,
];

/** A send of 100 bytes that is to leave `delta` ns from now. */
function launched(
  stream: number,
  delta: number,
  clock: 'monotonic' | 'tai' = 'monotonic',
  call: 'sendmsg' | 'sendmmsg' = 'sendmsg',
): Action {
  const message: Message = {
    stream,
    iov: [100],
    to: host(),
    control: [{ level: 'SOL_SOCKET', type: 'SCM_TXTIME', value: { txtime: { clock, delta } } }],
  };
  return { do: 'send', socket: 'tx', call, messages: [message], flags: [] };
}

/** lo heeds no launch time: what is sent arrives. */
function steps(after: { first: number; second: number; packet: number }, stamps = true): Step[] {
  return [
    [{ do: 'capture', capture: 'wire', ns: 'host', dev: 'lo', port: 9000 }, OK],
    open('rx'),
    [{ do: 'bind', socket: 'rx', to: host() }, OK],
    ...(stamps ? [set('rx', 'SO_TIMESTAMPNS', { int: 1 })] : []),
    open('tx'),
    set('tx', 'SO_TXTIME', { hex: '0100000000000000' }),
    [launched(0, 5e9), { ok: true, returns: 100 }],
    [receiveBlind(1, 200), { datagrams: row(0, [100], { afterMs: after.first }) }],
    [launched(1, -5e7, 'tai', 'sendmmsg'), { ok: true, returns: 1 }],
    [receiveBlind(1, 200), { datagrams: row(1, [100], { afterMs: after.second }) }],
    [
      { do: 'packets', capture: 'wire' },
      {
        packets: [
          { payload: [{ stream: 0, at: 0, length: 100 }], afterMs: after.packet },
          { payload: [{ stream: 1, at: 0, length: 100 }] },
        ],
      },
    ],
  ];
}

/** The program, with 600 ms between its two sends. */
function printed(after: { first: number; second: number; packet: number }, stamps = true): string {
  const source = reproducer(planned(steps(after, stamps), loopback()), '6.12');
  return source.replace('\texpect("sendmmsg(', '\tusleep(600000);\n$&');
}

/** The machine that tests run on may be slower than half a second; here it may not. */
const punctual = (source: string): string =>
  source.replace('late > latest_ms ? late : latest_ms', 'latest_ms + 0 * late');

t.setTimeout(120_000);
await inPrivateNamespace(import.meta.url, async () => {
  if (noCompiler !== false) {
    t.comment(noCompiler);
    return;
  }
  await t.test('what comes in time passes', async (t) => {
    const source = printed({ first: 0, second: 600, packet: 0 });
    const ran = await compileAndRun(source);
    t.equal(ran.warnings, '', 'no warnings');
    t.same(ran.failures, []);
    t.equal(ran.exit, 0, 'exit 0', { output: ran.stdout + ran.stderr });
    t.match(ran.stdout, 'control=[SCM_TXTIME monotonic now + 5000000000 ns]');
    t.match(source, 'clock_ns(CLOCK_TAI) - 50000000');
    t.equal(source.split('\tbegin_sending();').length, 2, 'times count from one send');
    t.ok(source.indexOf('\tbegin_sending();') < source.indexOf('send_one(sk_tx'), 'the first');
  });

  await t.test('what comes too soon or too late fails, datagrams and packets', async (t) => {
    const early = await compileAndRun(printed({ first: 400, second: 900, packet: 500 }));
    t.equal(early.failures.length, 3, 'three are early', { output: early.stdout });
    t.match(
      early.failures[0],
      /^FAIL: expected datagram 0 after 400 ms or later, got it after \d+\.\d+ ms$/u,
    );
    t.match(
      early.failures[1],
      /^FAIL: expected datagram 0 after 900 ms or later, got it after 6\d\d\.\d+ ms$/u,
    );
    t.match(early.failures[2], /^FAIL: expected packet 0 after 500 ms or later, got it after \d+\.\d+ ms$/u);
    const source = printed({ first: 0, second: 100, packet: 0 });
    const late = await compileAndRun(punctual(source));
    t.equal(late.failures.length, 1, 'one is late', { output: late.stdout });
    t.match(late.failures[0], /^FAIL: expected datagram 0 after 100 to 3\d\d ms, got it after \d+\.\d+ ms$/u);
  });

  await t.test('a datagram without a stamp is no evidence', async (t) => {
    const source = printed({ first: 0, second: 0, packet: 0 }, false);
    const ran = await compileAndRun(source);
    t.same(ran.failures, [
      'FAIL: expected a time stamp with datagram 0, got none',
      'FAIL: expected a time stamp with datagram 0, got none',
    ]);
  });

  await t.test('a case that states no times measures none', (t) => {
    const source = reproducer(
      planned([open('tx'), [launched(0, 0), { error: 'EINVAL' }]], loopback()),
      '6.12',
    );
    t.notMatch(source, /begin_sending|after_ms|stamp_of/u);
    t.match(source, 'clock_ns(CLOCK_MONOTONIC) + 0');
    t.end();
  });
});
