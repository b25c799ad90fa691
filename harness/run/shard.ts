/** One worker's part of a run. */
import { digest } from './plan-file.ts';
import { RunError } from './run-error.ts';

export interface Shard {
  /** From 1. */
  readonly index: number;
  readonly count: number;
}

/** A shard and who named it. */
export interface GivenShard extends Shard {
  /** `--shard`, or the variables of a CI system. */
  readonly by: string;
}

const MOST = 10_000;

/** `2/5`. @throws RunError */
export function parseShard(text: string): Shard {
  const match = /^(\d{1,5})\/(\d{1,5})$/.exec(text);
  const [index, count] = [Number(match?.[1]), Number(match?.[2])];
  if (!match || index < 1 || index > count || count > MOST)
    throw new RunError(64, `${JSON.stringify(text)} is no shard: write i/n, such as 2/5, with i from 1 to n`);
  return { index, count };
}

/** Variables in which CI systems tell a worker its number; `base` is the first worker's. */
const CI = [
  { by: 'GitLab CI', index: 'CI_NODE_INDEX', count: 'CI_NODE_TOTAL', base: 1 },
  { by: 'CircleCI', index: 'CIRCLE_NODE_INDEX', count: 'CIRCLE_NODE_TOTAL', base: 0 },
  { by: 'Buildkite', index: 'BUILDKITE_PARALLEL_JOB', count: 'BUILDKITE_PARALLEL_JOB_COUNT', base: 0 },
] as const;

/** The shard that a CI system gives this worker; null where none does, or where there is one worker only. */
export function shardFromEnvironment(env: NodeJS.ProcessEnv): GivenShard | null {
  for (const { by, index, count, base } of CI) {
    const [i, n] = [env[index], env[count]];
    if (i === undefined || i === '' || n === undefined || n === '') continue;
    const shard = /^\d{1,5}$/.test(i) ? parseNumbers(Number(i) - base + 1, n) : null;
    if (!shard)
      throw new RunError(64, `${index}=${i} and ${count}=${n} in the environment name no shard (${by})`);
    return shard.count === 1 ? null : { ...shard, by: `${by}'s ${index} and ${count}` };
  }
  return null;
}

function parseNumbers(index: number, count: string): Shard | null {
  try {
    return parseShard(`${index}/${count}`);
  } catch {
    return null;
  }
}

/** Whether a case belongs to a shard: by its id alone, so that the others' coming and going does not move it. */
export function inShard(id: string, { index, count }: Shard): boolean {
  return Number.parseInt(digest(id).slice(0, 12), 16) % count === index - 1;
}
