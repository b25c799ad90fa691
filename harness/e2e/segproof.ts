/** Runs the real command line for the end-to-end tests, in a folder of its own. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import type { CaseResult, RunEvent } from '../contract/result.ts';
import { root } from '../cli/version.ts';

export interface Finished {
  readonly exit: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export const program = join(root, 'segproof');

/** Runs `segproof ARGS` to its end; no exit status is an error here. */
export async function segproof(...args: readonly string[]): Promise<Finished> {
  const { exitCode, stdout, stderr } = await execa(program, args, { reject: false, stdin: 'ignore' });
  return { exit: exitCode, stdout, stderr };
}

/** A fresh folder for results, removed by `remove`. */
export function scratch(): { folder: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'segproof-e2e-'));
  return {
    folder,
    remove: () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** All events of a run, from its journal. */
export function journal(folder: string): RunEvent[] {
  const lines = readFileSync(join(folder, 'journal.jsonl'), 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as RunEvent);
}

export function results(folder: string): CaseResult[] {
  return journal(folder).flatMap((event) => (event.type === 'case-end' ? [event.result] : []));
}

/** `outcome id: reason` of whatever did not come out as expected. */
export function surprises(folder: string): string[] {
  return results(folder)
    .filter(({ outcome }) => outcome !== 'pass' && outcome !== 'skip')
    .map(({ outcome, id, target, reason }) => `${outcome} ${id} on ${target}: ${reason}`);
}

/** Every attempt at each case, by id. */
export function attempts(folder: string): Map<string, CaseResult[]> {
  const all = new Map<string, CaseResult[]>();
  for (const result of results(folder)) all.set(result.id, [...(all.get(result.id) ?? []), result]);
  return all;
}

/**
 * What a run came to, less what differs between any two, such as the numbers of descriptors: to hold a run that was cut off, or
 * shared among several, against a whole one.
 */
export function told(dir: string): unknown {
  const { results, totals, planned, exit } = JSON.parse(readFileSync(join(dir, 'results.json'), 'utf8')) as {
    results: {
      id: string;
      outcome: string;
      attempt: number;
      checks: { name: string; expected: unknown }[];
    }[];
    totals: unknown;
    planned: number;
    exit: number;
  };
  return {
    totals,
    planned,
    exit,
    results: results.map(({ id, outcome, attempt, checks }) => [
      id,
      outcome,
      attempt,
      checks.map(({ name, expected }) => [name, expected]),
    ]),
  };
}
