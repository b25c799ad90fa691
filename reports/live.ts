import type { Collected, TargetRecord } from './collect.ts';
import { count, tally } from './outcomes.ts';
import type { Paint } from './paint.ts';
import { clipMiddle, clip, pad, visible, width } from './text.ts';

/** Targets shown at once; more would push the failures off the screen. */
const TARGETS = 8;
/** Longest target name shown whole. */
const NAME = 24;

function seconds(ms: number): string {
  return `${Math.floor(ms / 1000)} s`;
}

function progress(target: TargetRecord, planned: number | null): string {
  const at = target.results.size + (target.started.size === 0 ? 0 : 1);
  const share = planned === null ? `case ${at}` : `case ${Math.min(at, planned)} of ${planned}`;
  return target.state === 'running' ? share : (target.state ?? 'waiting');
}

/** What a target is doing, in one line of plain visible text and its counts in colour. */
function line(
  target: TargetRecord,
  planned: number | null,
  name: number,
  columns: number,
  since: string,
): string {
  const doing = target.state === 'running' ? '' : visible(target.detail);
  const bad = tally({ ...count(target.results.values()), pass: 0, skip: 0, xfail: 0 }).join(' ');
  const head = `${pad(clipMiddle(visible(target.name), NAME), name)}  ${pad(progress(target, planned), 16)}`;
  const rest = [bad, doing, visible([...target.started][0] ?? ''), since]
    .filter((text) => text !== '')
    .join('  ');
  return clip(`${head}  ${rest}`.trimEnd(), columns);
}

/**
 * The status lines of a moment: one per target that is not done. `since` gives the ms since a target's last change of
 * state. Lines are shorter than the width, so that no terminal wraps them.
 */
export function statusLines(
  run: Collected,
  options: { readonly columns: number; readonly paint: Paint; readonly since: (target: string) => number },
): string[] {
  const busy = [...run.targets.values()].filter(({ state }) => state !== 'done');
  const shown = busy.filter(({ state }) => state !== null).slice(0, TARGETS);
  const planned = run.plannedPerTarget();
  const name = Math.max(0, ...shown.map((target) => Math.min(NAME, width(visible(target.name)))));
  const lines = shown.map((target) => {
    const waiting = target.state === 'booting' || target.state === 'fetching';
    const since = waiting ? seconds(options.since(target.name)) : '';
    return options.paint('dim', line(target, planned, name, options.columns - 1, since));
  });
  const hidden = busy.length - shown.length;
  if (hidden > 0) lines.push(options.paint('dim', `… and ${hidden} more waiting`));
  return lines;
}

/** Draws lines at the bottom of a terminal over those drawn before. Writes nothing but what it erases. */
export class LiveArea {
  #height = 0;
  readonly #write: (text: string) => void;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  draw(lines: readonly string[]): void {
    this.#write(this.#erase() + lines.map((text) => `${text}\n`).join(''));
    this.#height = lines.length;
  }

  clear(): void {
    if (this.#height > 0) this.#write(this.#erase());
    this.#height = 0;
  }

  /** Up to the first line drawn, then everything below is erased (ECMA-48 CUU, ED). */
  #erase(): string {
    return this.#height > 0 ? `\u001b[${this.#height}A\u001b[J` : '';
  }
}
