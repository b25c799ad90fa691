import type { RunEvent } from '../harness/contract/result.ts';
import { Collected } from './collect.ts';
import { LiveArea, statusLines } from './live.ts';
import { count, tally } from './outcomes.ts';
import { painter } from './paint.ts';
import { createSink } from './sink.ts';
import { clip, plural, visible } from './text.ts';
import type { View, ViewOptions } from './view.ts';

/** Redraw at most this often, in ms. */
const REDRAW = 100;
/** Redraw at least this often, in ms: shows the time a boot takes. */
const TICK = 1000;
/** Sparse mode: a line about a busy target at most this often, in ms. */
const SPARSE = 30_000;

/** Progress for people: a redrawn area on a terminal, else few plain lines. */
export interface Progress extends View {
  /** Takes the live area off the screen, runs `write`, and draws it again later. */
  aside(write: () => void): void;
}

export interface ProgressOptions extends Pick<ViewOptions, 'err' | 'colour' | 'tty' | 'columns' | 'now'> {
  /** In front of each sparse line: `# ` keeps a TAP stream valid when both streams end in one file. */
  readonly prefix: string;
}

export function createProgress(options: ProgressOptions): Progress {
  const now = options.now ?? Date.now;
  const sink = createSink(options.err);
  const run = new Collected();
  const area = new LiveArea((text) => {
    sink.write(text);
  });
  const paint = painter(options.colour);
  const changed = new Map<string, number>();
  const told = new Map<string, number>();
  let drawn = -Infinity;
  let timer: NodeJS.Timeout | null = null;

  const draw = (): void => {
    drawn = now();
    const since = (target: string): number => now() - (changed.get(target) ?? now());
    area.draw(statusLines(run, { columns: options.columns, paint, since }));
  };
  const stop = (): void => {
    if (timer !== null) clearInterval(timer);
    timer = null;
    area.clear();
  };
  const say = (target: string | null, text: string): void => {
    const about = target === null ? '' : `${target}: `;
    sink.write(`${options.prefix}${clip(visible(about + text), options.columns - options.prefix.length)}\n`);
    if (target !== null) told.set(target, now());
  };
  const sayMachine = (event: Extract<RunEvent, { type: 'machine' }>, before: string | null): void => {
    if (event.state === before || event.state === 'surveying') return;
    const results = run.target(event.target).results;
    const counts = event.state === 'done' ? tally(count(results.values())).join(', ') : '';
    const detail = [event.detail, counts].filter((text) => text !== '').join(': ');
    say(event.target, detail === '' ? event.state : `${event.state} (${detail})`);
  };
  const sayCase = (target: string): void => {
    const last = told.get(target) ?? now();
    told.set(target, last);
    if (now() - last < SPARSE) return;
    const planned = run.plannedPerTarget();
    const done = run.target(target).results.size;
    say(target, planned === null ? plural(done, 'case') : `${done} of ${plural(planned, 'case')}`);
  };

  return {
    event(event) {
      const before = event.type === 'machine' ? run.target(event.target).state : null;
      run.event(event);
      if (event.type === 'machine' && event.state !== before) changed.set(event.target, now());
      if (!options.tty) {
        if (event.type === 'machine') sayMachine(event, before);
        if (event.type === 'notice') say(event.target, event.message);
        if (event.type === 'case-end') sayCase(event.result.target);
        return;
      }
      if (event.type === 'notice') {
        area.clear();
        say(event.target, event.message);
      }
      if (event.type === 'run-end') stop();
      else if (run.end === null) {
        timer ??= setInterval(draw, TICK).unref();
        if (now() - drawn >= REDRAW) draw();
      }
    },
    aside(write) {
      area.clear();
      write();
      drawn = -Infinity;
    },
    async close() {
      stop();
      await sink.flush();
    },
  };
}
