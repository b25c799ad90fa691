/** C programs of cases in which control messages must come with datagrams: a message that is missing, or says something else, is named. */
import { spawnSync } from 'node:child_process';
import t from 'tap';
import { gso, host, loopback, receive } from '../agent/test-support.ts';
import type { Expected, ExpectedControl, PlannedCase } from '../contract/expectation.ts';
import { reproducer } from './reproducer.ts';
import { bent, compileAndRun, ofSuites, planned, row } from './test-support.ts';
import type { Step } from './test-support.ts';

const noCompiler = spawnSync('gcc', ['--version']).error ? 'gcc is not installed' : false;
const OK: Expected = { ok: true };
const FLOWINFO = { level: 'SOL_IPV6', type: 'IPV6_FLOWINFO' } as const;
const LIMIT = { level: 'SOL_IPV6', type: 'IPV6_HOPLIMIT' } as const;

const set = (socket: string, option: string): Step => [
  { do: 'set', socket, level: 'SOL_IPV6', option, value: { int: 1 } },
  OK,
];

/** Three segments with a flow label in their address; `control`: what must come with each. */
function labelled(control: readonly ExpectedControl[], flowinfo = 0x12345): PlannedCase {
  const to = host('ipv6');
  const open = (socket: string): Step => [
    { do: 'open', socket, ns: 'host', family: 'ipv6', protocol: 'udp' },
    OK,
  ];
  const messages = [{ stream: 0, iov: [250], control: gso(100), to: { ...to, flowinfo } }];
  return planned(
    [
      open('rx'),
      [{ do: 'bind', socket: 'rx', to }, OK],
      set('rx', 'IPV6_FLOWINFO'),
      set('rx', 'IPV6_RECVHOPLIMIT'),
      open('tx'),
      set('tx', 'IPV6_FLOWINFO_SEND'),
      [{ do: 'send', socket: 'tx', call: 'sendmsg', messages, flags: [] }, OK],
      [
        receive(3, { sentinel: { ns: 'host', family: 'ipv6', to } }),
        { datagrams: row(0, [100, 100, 50], { control }) },
      ],
    ],
    loopback(),
  );
}

async function failuresOf(plan: PlannedCase): Promise<{ exit: number; failures: readonly string[] }> {
  const { warnings, exit, failures } = await compileAndRun(reproducer(plan, 'running'));
  t.equal(warnings, '');
  return { exit, failures: failures.map((line) => line.replace('FAIL: expected ', '')) };
}

t.setTimeout(300_000);

t.test('the label of an address goes out, and what comes with a datagram is compared', async (t) => {
  if (noCompiler !== false) {
    t.comment(noCompiler);
    return;
  }
  const limit = { ...LIMIT, hex: '40000000' };
  const label = { ...FLOWINFO, hex: '00012345' };
  t.strictSame(await failuresOf(labelled([label, limit])), { exit: 0, failures: [] });
  t.strictSame(await failuresOf(labelled([limit])), { exit: 0, failures: [] }, 'others may come');
  const each = (what: string): string[] => [0, 1, 2].map((index) => `${what} ${index}`);
  t.strictSame(await failuresOf(labelled([limit, label], 0x54321)), {
    exit: 1,
    failures: each('other data than 00054321 (4 bytes) in the IPV6_FLOWINFO cmsg with datagram'),
  });
  t.strictSame(await failuresOf(labelled([{ ...limit, hex: '4000000000' }])), {
    exit: 1,
    failures: each('other data than 40000000 (4 bytes) in the IPV6_HOPLIMIT cmsg with datagram'),
  });
  t.strictSame(await failuresOf(labelled([{ ...limit, type: 'IPV6_TCLASS' }])), {
    exit: 1,
    failures: each('one IPV6_TCLASS cmsg with datagram').map((text) => `${text}, got 0`),
  });
  t.strictSame(await failuresOf(labelled([{ ...limit, level: 'SOL_IP' }])), {
    exit: 1,
    failures: each('one IPV6_HOPLIMIT cmsg with datagram').map((text) => `${text}, got 0`),
  });
});

t.test('a message of a case of the suites, changed', { skip: noCompiler }, async (t) => {
  const plan = ofSuites('udp-gso/pmtu-ipv6/told-why');
  t.strictSame(await failuresOf(plan), { exit: 0, failures: [] });
  const longer = ({ hex, ...rest }: ExpectedControl): ExpectedControl => ({ ...rest, hex: `${hex}00` });
  const wrong = bent(plan, (expected) =>
    'datagrams' in expected
      ? {
          datagrams: expected.datagrams.map((one) =>
            one.control ? { ...one, control: one.control.map(longer) } : one,
          ),
        }
      : expected,
  );
  const { exit, failures } = await failuresOf(wrong);
  t.equal(exit, 1);
  t.match(failures, [
    /^other data than 0a00\w+dc050000 \(32 bytes\) in the IPV6_PATHMTU cmsg with datagram 0$/u,
  ]);
  t.equal(failures.length, 1);
});
