import t from 'tap';
import { ProblemError, formatProblem } from '../load/problem.ts';
import { projectOf, suiteText } from '../load/testing.ts';
import type { PlannedCase } from '../contract/expectation.ts';
import { planTarget } from './target.ts';

/** The case's variants planned for a kernel without any behaviour, or the text of what is wrong with it. */
function planned(steps: string): readonly PlannedCase[] | string {
  const project = projectOf(suiteText(`  c:\n    rule: r\n    steps:\n${steps}`));
  if (project.problems.length > 0) return project.problems.map(formatProblem).join('\n');
  const cases = project.suites.flatMap((suite) => suite.cases);
  try {
    return [...planTarget(cases, { ...project, has: () => false })];
  } catch (error) {
    if (error instanceof ProblemError) return error.problems.map(formatProblem).join('\n');
    throw error;
  }
}

t.test(
  'an injected frame has a right virtio-net header but for the fields that are said to be otherwise',
  (t) => {
    const list = planned(
      '      - inject: { bytes: 2500, gso: 1000, vnet: { csum_offset: 7 } }\n        expect: { error: EINVAL }\n',
    );
    const vnet = { flags: 1, gsoType: 5, gsoSize: 1000, csumOffset: 7 };
    t.match(list, [
      {
        program: { actions: [{ do: 'inject', by: 'packet', vnet: { ...vnet, hdrLen: 42, csumStart: 34 } }] },
      },
      {
        program: { actions: [{ do: 'inject', by: 'packet', vnet: { ...vnet, hdrLen: 62, csumStart: 54 } }] },
      },
    ]);
    t.end();
  },
);

t.test('what arrives of an injected frame counts as sent, what is dropped does not', (t) => {
  const open = '      - open: { socket: r, at: receiver, bind: receiver }\n';
  const receive = (bytes: number): string =>
    `      - receive: { socket: r }\n        expect: { datagrams: [${bytes}] }\n`;
  t.match(planned(`${open}      - inject: { bytes: 70 }\n${receive(70)}`), [{ id: /c/u }, {}]);
  const dropped = `${open}      - inject: { bytes: 70 }\n        expect: { arrives: false }\n${receive(70)}`;
  t.match(planned(dropped), /expects 70 bytes here, but less than that was sent/u);
  t.end();
});

t.test('an impossible injection is a problem at its place', (t) => {
  t.match(
    planned('      - inject: { by: tap, bytes: 1 }\n        expect: { error: EINVAL }\n'),
    /test\.yaml:\d+:\d+: lo is no tap device; expected the topology nic/u,
  );
  t.match(
    planned('      - inject: { by: tip, bytes: 1 }\n        expect: { error: EINVAL }\n'),
    /unknown way "tip"; expected packet or tap/u,
  );
  t.match(
    planned(
      '      - open: { socket: s }\n      - too_big: { socket: s, mtu: 1400 }\n        expect: { error: EINVAL }\n',
    ),
    /what it sends cannot be told by its port/u,
  );
  t.end();
});

t.test('notices of an error queue are waited for by their number, completions by that of the sends', (t) => {
  const read = (expect: string): string =>
    `      - open: { socket: s }\n      - errors: { socket: s }\n        expect: ${expect}\n`;
  t.match(planned(read('{ completions: { first: 3, last: 9, copied: true } }')), [
    { program: { actions: [{}, { do: 'errors', want: 7, waitMs: 500 }] } },
    {},
  ]);
  t.match(planned(read('{ errors: [{ origin: icmp, repeat: 3, info: mtu }] }')), [
    {
      program: { actions: [{}, { want: 3 }] },
      expectations: [{}, { expected: { notices: [{ info: 1500 }] } }],
    },
    {},
  ]);
  t.match(
    planned(read('{ errors: [], completions: { first: 0, last: 0, copied: true } }')),
    /"errors" and "completions" at once/u,
  );
  t.end();
});
