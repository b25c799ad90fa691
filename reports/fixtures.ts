/** Made-up runs for the tests of views: every outcome, and text as a hostile guest would send it. */
import type {
  BehaviourStatus,
  CaseResult,
  Outcome,
  RunEvent,
  TargetSummary,
} from '../harness/contract/result.ts';
import { Collected } from './collect.ts';
import { count } from './outcomes.ts';

/** What no view may pass on as it is: terminal controls, format ends, comments, commands, broken Unicode. */
export const HOSTILE = [
  '\u001b[2J\u001b]0;title\u0007 clear',
  'nul\0 bell\u0007 c1\u009b31m del\u007f',
  'hash # SKIP not really \\ # TODO {',
  ']]> <script>&amp;</script>',
  '::error file=x,line=1::command',
  'lone \ud800 surrogate, bidi \u202eevil\u202c, zero\u200bwidth, zalgo e\u0301\u0302',
  '...\n---\nkey: [yaml, {looking: &anchor *alias}]\r\n- yes',
  '\nok 99 - forged\nBail out! forged\n1..1',
  `long ${'x'.repeat(3000)}`,
] as const;

/** {@link HOSTILE} in one text. */
export const HOSTILE_TEXT = HOSTILE.join(' ');

/** A result with everything a real one has. */
export function fakeResult(
  part: Partial<CaseResult> & Pick<CaseResult, 'id' | 'target' | 'outcome'>,
): CaseResult {
  const suite = part.id.split('/').slice(0, 2).join('/');
  const failed = part.outcome === 'fail';
  return {
    suite,
    reason: part.outcome === 'pass' ? '' : 'expected -1 EINVAL, got 129',
    rule: 'More than UDP_MAX_SEGMENTS segments are refused.',
    source: ['net/ipv4/udp.c', 'tools/testing/selftests/net/udpgso.c'],
    where: { file: `suites/${suite}.yaml`, line: 23, column: 5 },
    checks: [
      { name: 'open', ok: true, expected: ['success'], actual: 'success' },
      {
        name: 'send',
        ok: !failed,
        expected: ['-1 EINVAL'],
        actual: failed ? '129' : '-1 EINVAL',
        where: { file: `suites/${suite}.yaml`, line: 26, column: 15 },
      },
    ],
    behaviours: ['small-send-ignores-gso-size'],
    missing: [],
    calls: [
      'socket(AF_INET, SOCK_DGRAM|SOCK_CLOEXEC, IPPROTO_UDP) = 5',
      'setsockopt(5, SOL_IP, IP_MTU_DISCOVER, [IP_PMTUDISC_DO], 4) = 0',
      'sendmsg(5, {name=10.0.0.1:9000, iov=[129], control=[UDP_SEGMENT 1]}, 0) = 129',
    ],
    log: [],
    durationMs: 1.25,
    attempt: 1,
    rerun: `./segproof run '${part.id}' --kernel ${part.target}`,
    evidence: `${part.target}/${part.id}/evidence.json`,
    ...part,
  };
}

const BEHAVIOUR: BehaviourStatus = {
  name: 'small-send-ignores-gso-size',
  summary: 'A payload that fits the MTU is sent although gso_size does not.',
  commit: '235174b2bed8',
  subject: 'udp: gso: do not drop small packets when PMTU reduces',
  since: '6.14',
  stated: 'must-have',
  probed: 'has',
  judged: true,
};

/** A target with one behaviour of each kind. */
export function fakeTarget(target: string, judgedAs: string | null): TargetSummary {
  return {
    target,
    release: `${target}.0-amd64`,
    version: `#1 SMP PREEMPT_DYNAMIC Debian ${target}.148-1 (2026-01-01)`,
    upstream: `${target}.148`,
    judgedAs,
    behaviours: [
      BEHAVIOUR,
      {
        ...BEHAVIOUR,
        name: 'max-segments-128',
        commit: '1382e3b6a350',
        subject: 'net: change the maximum number of UDP segments to 128',
        since: '6.9',
        probed: 'has-not',
        note: 'missing',
      },
      { ...BEHAVIOUR, name: 'gso-without-checksum', stated: 'must-not-have', note: 'backport' },
      { ...BEHAVIOUR, name: 'extension-headers', stated: 'unknown', note: 'observation' },
      {
        ...BEHAVIOUR,
        name: 'strange-one',
        stated: 'unknown',
        probed: 'unclear',
        judged: false,
        note: 'probe-unclear',
      },
    ],
  };
}

const OUTCOMES: readonly Outcome[] = ['pass', 'fail', 'skip', 'xfail', 'xpass', 'error', 'timeout', 'crash'];

const REASONS: Readonly<Record<Outcome, string>> = {
  pass: '',
  fail: 'send: expected -1 EINVAL, got 129',
  skip: 'the kernel cannot create dummy links (EOPNOTSUPP)',
  xfail: 'known issue: lore.kernel.org/r/1, until 2027-01-01',
  xpass: 'passed although a known issue says it fails',
  error: 'receive: the record of step 3 is cut short',
  timeout: 'no answer within 2000 ms',
  crash: 'the kernel warned while the case ran',
};

function* cases(target: string): Generator<CaseResult> {
  for (const outcome of OUTCOMES) {
    yield fakeResult({
      id: `udp-gso/limits/${outcome}-case[family=ipv4,request=cmsg]`,
      target,
      outcome,
      reason: REASONS[outcome],
      ...(outcome === 'crash'
        ? {
            fingerprint: 'WARNING skb_segment/__udp_gso_segment',
            log: ['------------[ cut here ]------------', 'WARNING: CPU: 0 PID: 7 at net/core/skbuff.c:4500'],
          }
        : {}),
    });
  }
  for (let size = 0; size < 5; size++) {
    yield fakeResult({
      id: `udp-gso/mtu/too-big[mtu=${1280 + size}]`,
      target,
      outcome: target === '5.10' ? 'fail' : 'pass',
      reason: target === '5.10' ? `send: expected ${size}, got -1 EINVAL` : '',
      missing:
        target === '5.10'
          ? [
              {
                behaviour: 'max-segments-128',
                commit: '1382e3b6a350',
                subject: 'net: change the maximum number of UDP segments to 128',
              },
            ]
          : [],
    });
  }
  yield fakeResult({
    id: 'udp-gso/hostile/guest-text',
    target,
    outcome: 'fail',
    reason: HOSTILE_TEXT,
    rule: HOSTILE[2],
    checks: [
      { name: HOSTILE[0], ok: false, expected: [HOSTILE[3], HOSTILE[6]], actual: HOSTILE_TEXT },
      ...HOSTILE.map((text) => ({ name: text, ok: false, expected: [text], actual: text })),
    ],
    missing: [{ behaviour: HOSTILE[4], commit: HOSTILE[1], subject: HOSTILE[7] }],
    calls: HOSTILE,
    log: HOSTILE,
    fingerprint: HOSTILE[5],
  });
  yield fakeResult({ id: 'udp-gso/hostile/skipped', target, outcome: 'skip', reason: HOSTILE_TEXT });
}

function interleave(lists: readonly (readonly RunEvent[])[]): RunEvent[] {
  const longest = Math.max(...lists.map((list) => list.length));
  return Array.from({ length: longest }, (_, index) => lists.flatMap((list) => list[index] ?? [])).flat();
}

function targetEvents(target: string, judgedAs: string | null): RunEvent[] {
  const machine = (state: 'booting' | 'running' | 'lost' | 'done', detail: string): RunEvent => ({
    type: 'machine',
    target,
    state,
    detail,
  });
  const retried = 'udp-gso/limits/retried';
  return [
    machine('booting', 'virtme-ng, TCG'),
    machine('running', `Linux ${target}`),
    { type: 'target', summary: fakeTarget(target, judgedAs) },
    { type: 'notice', target, message: `Subtest: ${HOSTILE_TEXT}` },
    {
      type: 'case-end',
      result: fakeResult({ id: retried, target, outcome: 'crash', reason: 'the guest was lost' }),
    },
    machine('lost', HOSTILE_TEXT),
    machine('booting', 'again'),
    machine('running', `Linux ${target}`),
    { type: 'case-end', result: fakeResult({ id: retried, target, outcome: 'pass', attempt: 2 }) },
    ...Array.from(cases(target)).flatMap((result): RunEvent[] => [
      { type: 'case-start', target, id: result.id },
      { type: 'case-end', result },
    ]),
    machine('done', ''),
  ];
}

/** A run on two targets at once with all outcomes; its times are fixed. */
export function fakeRun(): RunEvent[] {
  const middle = interleave([targetEvents('5.10', '7.3'), targetEvents('6.12', null)]);
  const collected = new Collected();
  for (const event of middle) collected.event(event);
  const finals = [...collected.finals()];
  return [
    {
      type: 'run-start',
      tool: 'segproof 0.1.0',
      started: '2026-01-02T03:04:05.000Z',
      command: ['segproof', 'run', '--kernel', '5.10', '--kernel', '6.12', '--judge-as', '7.3'],
      folder: 'results/2026-01-02T03-04-05',
      targets: ['5.10', '6.12'],
      planned: finals.length,
    },
    { type: 'notice', target: null, message: 'KVM does not boot here: using TCG' },
    ...middle,
    {
      type: 'run-end',
      ended: '2026-01-02T03:04:47.500Z',
      totals: count(finals),
      exit: 1,
      interrupted: false,
    },
  ];
}
