/** The results folder: where a run keeps its journal, its reports and the evidence of every case. */
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { CaseEvidence } from '../contract/evidence.ts';
import type { PlannedCase } from '../contract/expectation.ts';
import type { CaseResult } from '../contract/result.ts';
import { writeText } from './lines.ts';
import { packetFile } from './packet-file.ts';
import { writeError } from './run-error.ts';

/** Keeps evidence: one line per attempt, and a folder of its own for each attempt that did not pass. */
export class Evidence {
  readonly #folder: string;
  readonly #file: string;
  readonly #fd: number;

  /** @param finished tells whether an attempt at a case has its result, where a run is resumed */
  constructor(folder: string, target: string, finished: (id: string) => boolean = () => true) {
    this.#folder = folder;
    const dir = join(folder, 'evidence');
    mkdirSync(dir, { recursive: true });
    this.#file = join(dir, `${target.replaceAll('/', '_')}.jsonl`);
    mend(this.#file, finished);
    this.#fd = openSync(this.#file, 'a', 0o644);
  }

  keep(result: CaseResult, planned: PlannedCase, evidence: CaseEvidence): void {
    this.#guard(() => {
      writeText(this.#fd, `${JSON.stringify(evidence)}\n`);
      if (result.outcome === 'pass') return;
      const dir = this.#dir(result);
      const all = { planned, evidence, checks: result.checks };
      writeFileSync(join(dir, 'evidence.json'), `${JSON.stringify(all, null, 1)}\n`);
      writeFileSync(join(dir, 'calls.txt'), `${result.calls.join('\n')}\n`);
      if (result.capture !== undefined)
        writeFileSync(
          join(this.#folder, result.capture),
          packetFile(result.target, planned, evidence, result.checks),
        );
      if (evidence.kernel.log?.length)
        writeFileSync(join(dir, 'kernel.log'), `${evidence.kernel.log.join('\n')}\n`);
    });
  }

  /** Keeps what a machine said on its console while it was lost to a case. */
  keepLoss(result: CaseResult, about: unknown, console: string): void {
    this.#guard(() => {
      const dir = this.#dir(result);
      writeFileSync(join(dir, 'about.json'), `${JSON.stringify(about, null, 1)}\n`);
      if (console !== '') writeFileSync(join(dir, 'console.log'), console);
    });
  }

  close(): void {
    closeSync(this.#fd);
  }

  #dir(result: CaseResult): string {
    const dir = join(this.#folder, result.evidence);
    mkdirSync(dir, { recursive: true });
    return dir;
  }

  #guard(write: () => void): void {
    try {
      write();
    } catch (error) {
      throw writeError(shownPath(this.#file), shownPath(this.#folder), error);
    }
  }
}

/** Removes a line that was cut off, and a last record whose result did not make it into the journal. */
function mend(file: string, finished: (id: string) => boolean): void {
  if (!existsSync(file)) return;
  const text = readFileSync(file, 'utf8');
  let end = text.lastIndexOf('\n') + 1;
  const start = text.lastIndexOf('\n', end - 2) + 1;
  if (end > 0 && !finished(idOf(text.slice(start, end)))) end = start;
  if (end < text.length) writeFileSync(file, text.slice(0, end));
}

/** The case that a record is of; '' for one that a power cut has spoilt. */
function idOf(line: string): string {
  try {
    return (JSON.parse(line) as CaseEvidence).id;
  } catch {
    return '';
  }
}

/** `2026-11-22T11-04-59`: sorts by time, safe in every file name. */
export function folderName(now: Date): string {
  return now.toISOString().slice(0, 19).replaceAll(':', '-');
}

/** A path as a person at this prompt would type it. */
export function shownPath(path: string): string {
  const short = relative(process.cwd(), path);
  return short === '' || short.startsWith('..') ? path : short;
}
