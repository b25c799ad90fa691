/** Schema of segproof.yaml, the project file. */
import { z } from 'zod';
import { slug, text } from './common.ts';

/** What a run's options can be; each is the option of the same name. */
export const profileSchema = z.strictObject({
  kernels: z
    .array(text)
    .min(1)
    .optional()
    .describe('As for --kernel (versions in quotes), or names from "kernels".'),
  select: z
    .array(text)
    .min(1)
    .optional()
    .describe('As on the command line of run, or names from "selections".'),
  kernel_args: z.array(text).optional().describe('As for --kernel-arg.'),
  judge_as: text.optional().describe('As for --judge-as.'),
  jobs: z.int().min(1).max(9999).optional().describe('As for -j.'),
  repeat: z.int().min(1).max(9999).optional().describe('As for --repeat.'),
  deadline: text.optional().describe('As for --deadline: 90s, 30m, 2h.'),
  kvm: z.boolean().optional().describe('false: as --no-kvm.'),
});
export type Profile = z.infer<typeof profileSchema>;

export const projectFileSchema = z
  .strictObject({
    kernels: z.record(slug, z.array(text).min(1)).optional().describe('Name → kernels.'),
    selections: z.record(slug, z.array(text).min(1)).optional().describe('Name → what to run.'),
    default: slug.optional().describe('The profile of a run that names none.'),
    profiles: z.record(slug, profileSchema).describe('Name → options of `segproof run --profile NAME`.'),
  })
  .describe('What to run where, so that a nightly run is one short command.');
export type ProjectFile = z.infer<typeof projectFileSchema>;
