/** The published description of results.json. Only tests and the generator load it: zod costs 50 ms to load. */
import { z } from 'zod';
import { SCHEMA } from './json.ts';

const count = z.int().min(0);
const location = z
  .strictObject({ file: z.string(), line: z.int().min(1), column: z.int().min(1) })
  .describe('A place in a suite file; line and column count from 1.');

const outcomes = ['pass', 'fail', 'skip', 'xfail', 'xpass', 'error', 'timeout', 'crash'] as const;
const states = ['fetching', 'booting', 'surveying', 'running', 'lost', 'done'] as const;

const behaviour = z.strictObject({
  name: z.string(),
  summary: z.string(),
  commit: z.string().describe('Mainline commit that brought it.'),
  subject: z.string(),
  since: z.string().describe('First mainline release with it.'),
  stated: z.enum(['must-have', 'must-not-have', 'unknown']).describe('What the version says.'),
  probed: z.enum(['has', 'has-not', 'unclear', 'not-probed']).describe('What the kernel did.'),
  judged: z.boolean().describe('What the cases were judged by.'),
  note: z.enum(['missing', 'backport', 'observation', 'probe-unclear']).optional(),
});

const check = z.strictObject({
  name: z.string(),
  ok: z.boolean(),
  expected: z.array(z.string()).describe('Allowed outcomes, any of them.'),
  actual: z.string(),
  where: location.optional(),
  comparison: z
    .array(
      z.strictObject({
        index: count.describe('Place of the packet in its list.'),
        presence: z.enum(['both', 'missing', 'surplus']),
        atMs: z.number().optional().describe("When the one seen passed, in ms since the case's first send."),
        fields: z.array(z.strictObject({ name: z.string(), expected: z.string(), actual: z.string() })),
      }),
    )
    .optional()
    .describe('Packets side by side, about the first difference.'),
});

const result = z.strictObject({
  id: z.string().describe('suite/case[axis=value,…]; the same in every report.'),
  suite: z.string(),
  target: z.string(),
  outcome: z.enum(outcomes),
  reason: z.string().describe('One line: why it is not a pass.'),
  rule: z.string(),
  source: z.array(z.string()),
  where: location,
  checks: z.array(check),
  behaviours: z.array(z.string()).describe('Behaviours that decided the expectation.'),
  missing: z.array(z.strictObject({ behaviour: z.string(), commit: z.string(), subject: z.string() })),
  calls: z
    .array(z.string())
    .describe(
      'System calls as they happened, in strace-like notation. Of an attempt after the first that passed, these and the checks are in its evidence only.',
    ),
  log: z.array(z.string()).nullable().describe('Kernel log lines; null when it could not be read.'),
  fingerprint: z.string().optional().describe('Names a kernel crash across runs.'),
  durationMs: z.number().min(0),
  attempt: z.int().min(1).describe('1 for the first attempt; every attempt has its own entry.'),
  cut: z
    .enum(['lost', 'not-run'])
    .optional()
    .describe('No record of its end: its machine went down in it, or its turn never came.'),
  rerun: z.string().describe('Command that reruns just this case.'),
  evidence: z.string().describe('Path inside the results folder.'),
  capture: z
    .string()
    .optional()
    .describe('Packets of a case that did not pass, as pcapng, inside the results folder.'),
});

const target = z.strictObject({
  target: z.string(),
  release: z.string().nullable().describe('uname -r; null when the kernel never answered.'),
  version: z.string().nullable(),
  upstream: z.string().nullable().describe('Upstream version it is built from; null when unknown.'),
  judgedAs: z.string().nullable(),
  states: z.array(z.strictObject({ state: z.enum(states), detail: z.string() })),
  behaviours: z.array(behaviour),
});

/** `ResultsDocument` of json.ts, strictly: no key more or less. */
export const resultsSchema = z
  .strictObject({
    schema: z.literal(SCHEMA),
    tool: z.string(),
    command: z.array(z.string()),
    folder: z.string(),
    started: z.string().describe('ISO 8601.'),
    ended: z.string().nullable().describe('ISO 8601; null: the run did not come to its end.'),
    exit: z.int().nullable(),
    interrupted: z.boolean(),
    planned: count.describe('Cases times targets.'),
    totals: z.strictObject({
      pass: count,
      fail: count,
      skip: count,
      xfail: count,
      xpass: count,
      error: count,
      timeout: count,
      crash: count,
    }),
    targets: z.array(target),
    flaky: z
      .array(
        z.strictObject({
          target: z.string(),
          id: z.string(),
          outcomes: z.partialRecord(z.enum(outcomes), count),
        }),
      )
      .describe('Cases whose attempts came out differently; the gravest outcome counts.'),
    notices: z.array(z.strictObject({ target: z.string().nullable(), message: z.string() })),
    results: z.array(result).describe('By target in the order asked for, then by id, then by attempt.'),
  })
  .describe('Results of one segproof run.');

/** The JSON Schema (draft 7) that is published as results.schema.json. */
export function resultsJsonSchema(): unknown {
  return z.toJSONSchema(resultsSchema, { target: 'draft-7' });
}
