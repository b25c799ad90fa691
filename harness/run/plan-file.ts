/** `plan.json` in a results folder: what the run was to do, so that it can be resumed, and merged with its other shards. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { shownPath } from './folder.ts';
import { RunError, writeError } from './run-error.ts';
import type { Shard } from './shard.ts';

const SCHEMA = 'segproof-plan/1';

/** Everything of a command line that decides what is run and how it is judged. */
export interface Choices {
  readonly selection: readonly string[];
  readonly kernel: readonly string[];
  readonly kernelArg: readonly string[];
  readonly kvm: boolean;
  /** Of each guest; by default one emulated, two with KVM. */
  readonly cpus?: number;
  /** Of each guest, in MiB; by default what cases need. */
  readonly memory?: number;
  readonly unverified?: boolean;
  readonly suite: readonly string[];
  readonly judgeAs?: string;
  readonly endpoint?: string;
  readonly repeat?: number;
  readonly untilFail?: boolean;
}

export interface RunPlan {
  readonly schema: typeof SCHEMA;
  readonly tool: string;
  readonly choices: Choices;
  readonly shard: Shard | null;
  /** Variants of the whole selection, before it was cut into shards. */
  readonly cases: { readonly count: number; readonly digest: string };
  /** File → start of its SHA-256: suites, behaviours, known issues, topologies. */
  readonly content: Readonly<Record<string, string>>;
}

/** A short digest of some text. */
export function digest(text: string | Buffer): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** The plan of a run over these variants, whose words are in these files; those below `root` go by their path in it. */
export function makePlan(
  plan: Pick<RunPlan, 'tool' | 'choices' | 'shard'>,
  ids: readonly string[],
  files: readonly string[],
  root: string,
): RunPlan {
  const shown = (file: string): string => {
    const short = relative(root, file);
    return short.startsWith('..') ? file : short;
  };
  return {
    schema: SCHEMA,
    ...plan,
    cases: { count: ids.length, digest: digest([...ids].sort().join('\n')) },
    content: Object.fromEntries(files.map((file) => [shown(file), digest(readFileSync(file))])),
  };
}

export function writePlan(folder: string, plan: RunPlan): void {
  const file = join(folder, 'plan.json');
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, `${JSON.stringify(plan, null, 1)}\n`, { flush: true });
  } catch (error) {
    throw writeError(shownPath(file), shownPath(folder), error);
  }
}

/** @throws RunError when the folder holds no run */
export function readPlan(folder: string): RunPlan {
  const file = join(folder, 'plan.json');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    throw new RunError(
      65,
      `${shownPath(folder)} holds no run: plan.json cannot be read (${code})`,
      'give the results folder of a run',
    );
  }
  try {
    const plan = JSON.parse(text) as RunPlan | { readonly schema: string };
    if (plan.schema === SCHEMA) return plan as RunPlan;
    throw new Error(`its schema is ${plan.schema}`);
  } catch (error) {
    throw new RunError(
      65,
      `${shownPath(file)} is no plan of this segproof: ${(error as Error).message}`,
      'it was damaged, or written by another version; start the run anew',
    );
  }
}

/** In which ways a plan is not the one of another run; one line each. */
export function differences(before: RunPlan, now: RunPlan): string[] {
  const lines: string[] = [];
  if (before.tool !== now.tool) lines.push(`segproof ${before.tool} then, ${now.tool} now`);
  const files = new Set([...Object.keys(before.content), ...Object.keys(now.content)]);
  for (const file of [...files].sort()) {
    const [old, current] = [before.content[file], now.content[file]];
    if (old === current) continue;
    lines.push(`${file} ${old === undefined ? 'is new' : current === undefined ? 'is gone' : 'has changed'}`);
  }
  if (lines.length === 0 && before.cases.digest !== now.cases.digest)
    lines.push(`${before.cases.count} cases then, ${now.cases.count} others now`);
  return lines;
}
