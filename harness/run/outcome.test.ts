import t from 'tap';
import type { CaseEvidence } from '../contract/evidence.ts';
import type { PlannedCase } from '../contract/expectation.ts';
import type { BehaviourStatus } from '../contract/result.ts';
import { judge } from '../judge/judge.ts';
import { judged } from './outcome.ts';

const planned: PlannedCase = {
  id: 's/c',
  suite: 's',
  rule: 'r',
  source: ['x'],
  tags: [],
  where: { file: 's.yaml', line: 1, column: 1 },
  needs: [],
  program: {
    id: 's/c',
    seed: 1,
    topology: { name: 't', key: 't', namespaces: {} },
    actions: [],
    deadlineMs: 1,
  },
  expectations: [],
  behaviours: ['takes-whole-packets'],
};
const status: BehaviourStatus = {
  name: 'takes-whole-packets',
  summary: '',
  commit: 'ecb8fed408b6',
  subject: 'net: advertise',
  since: '5.11',
  stated: 'must-have',
  probed: 'has-not',
  judged: true,
  note: 'missing',
};

function outcome(kind: 'refused' | 'error' | 'timeout', statuses: readonly BehaviourStatus[]): string {
  const evidence: CaseEvidence = {
    id: 's/c',
    steps: [],
    setup: [],
    broken: { kind, message: 'cannot set sink tx-udp-segmentation on: it is fixed off' },
    kernel: { log: [], taint: { before: 0, after: 0 } },
    durationMs: 1,
  };
  const context = { target: 'k', statuses, rerun: (id: string) => id };
  return judged(context, planned, evidence, judge(planned, evidence)).outcome;
}

void t.test('a device refused for want of a commit fails the case, any other trouble stays trouble', (t) => {
  t.equal(outcome('refused', [status]), 'fail');
  t.equal(outcome('refused', []), 'error', 'nothing is missing: the topology asks for the impossible');
  t.equal(outcome('error', [status]), 'error');
  t.equal(outcome('timeout', [status]), 'timeout');
  t.end();
});
