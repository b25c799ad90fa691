/** The results folder: where a run keeps its journal, its reports and the evidence of every case. */
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { CaseEvidence } from '../contract/evidence.ts';
import type { PlannedCase } from '../contract/expectation.ts';
import type { CaseResult } from '../contract/result.ts';

/** Keeps evidence: one line per case, and a folder of its own for each case that did not pass. */
export class Evidence {
  readonly #folder: string;
  readonly #fd: number;

  constructor(folder: string, target: string) {
    this.#folder = folder;
    const dir = join(folder, 'evidence');
    mkdirSync(dir, { recursive: true });
    this.#fd = openSync(join(dir, `${target.replaceAll('/', '_')}.jsonl`), 'a', 0o644);
  }

  keep(result: CaseResult, planned: PlannedCase, evidence: CaseEvidence): void {
    writeSync(this.#fd, `${JSON.stringify(evidence)}\n`);
    if (result.outcome === 'pass') return;
    const dir = join(this.#folder, result.evidence);
    mkdirSync(dir, { recursive: true });
    writeFileSync(
      join(dir, 'evidence.json'),
      `${JSON.stringify({ planned, evidence, checks: result.checks }, null, 1)}\n`,
    );
    writeFileSync(join(dir, 'calls.txt'), `${result.calls.join('\n')}\n`);
    if (evidence.kernel.log?.length)
      writeFileSync(join(dir, 'kernel.log'), `${evidence.kernel.log.join('\n')}\n`);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** `2026-11-22T11-04-59`: sorts by time, safe in every file name. */
export function folderName(now: Date): string {
  return now.toISOString().slice(0, 19).replaceAll(':', '-');
}
