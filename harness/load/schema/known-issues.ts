/** Schema of suites/known-issues.yaml. */
import { z } from 'zod';
import { text } from './common.ts';

const version = z
  .string()
  .regex(/^\d+\.\d+(?:\.\d+)?(?:-rc\d+)?$/, 'a kernel version in quotes, such as "6.14" or "6.14-rc2"');

const day = z.string().regex(/^\d{4}-\d{2}-\d{2}$/, 'a day such as 2027-03-31');

export const knownIssueSchema = z.strictObject({
  cases: z.array(text).min(1).describe('Ids, paths above them, or patterns with *.'),
  targets: z.array(text).min(1).optional().describe('Targets by name, * for any text; by default all.'),
  from: version.optional().describe('First upstream version that has the issue.'),
  before: version.optional().describe('First upstream version that no longer has it.'),
  outcome: z.enum(['fail', 'crash', 'timeout', 'error']).describe('What the cases come out as.'),
  fingerprint: text.optional().describe('Beginning of the fingerprint of a crash.'),
  intermittent: z.boolean().optional().describe('It does not always show: a pass is no surprise.'),
  reason: text.describe('What is wrong, in one sentence.'),
  link: z
    .string()
    .regex(/^https?:\/\/\S+$/, 'an http address')
    .describe('Where it is being dealt with.'),
  expires: day.describe('Last day on which it is expected; then it counts again.'),
});

export const knownIssuesSchema = z
  .strictObject({ issues: z.array(knownIssueSchema) })
  .describe('Failures that are known: they come out as xfail, and as xpass where they do not fail.');
