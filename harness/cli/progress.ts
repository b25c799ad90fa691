/** Progress of finding and fetching kernels, for people, on stderr. */
import { LiveArea } from '../../reports/live.ts';
import { painter } from '../../reports/paint.ts';
import { clip, pad, visible, width } from '../../reports/text.ts';
import type { KernelOptions, Progress } from '../../vm/kernels/types.ts';
import { redraws, style } from './terminal.ts';

/** Redraw at most this often, in ms. */
const REDRAW_MS = 100;

/** Where progress is shown. */
export interface Screen {
  write(text: string): void;
  /** Lines may be redrawn. */
  readonly tty: boolean;
  readonly colour: boolean;
  readonly columns: number;
}

const standardError = (): Screen => ({
  write: (text) => process.stderr.write(text),
  tty: redraws(process.stderr),
  ...style(process.stderr),
});

/** Plain lines, for commands that fetch one thing at most. */
export const toStderr: KernelOptions = {
  onProgress: ({ message, bytes }) => {
    if (!bytes) process.stderr.write(`segproof: ${message}\n`);
  },
};

/**
 * What happens to each of several kernels before it can boot: on a terminal a line each that is redrawn, else plain lines. Of a
 * kernel that is at hand nothing is said.
 */
export class FetchProgress {
  readonly #screen: Screen;
  readonly #area: LiveArea;
  /** What is being done for each kernel, in the order of the command line. */
  readonly #doing: Map<string, Progress | null>;
  readonly #name: number;
  #drawn = -Infinity;

  constructor(names: readonly string[], screen: Screen = standardError()) {
    this.#screen = screen;
    this.#area = new LiveArea((text) => {
      screen.write(text);
    });
    this.#doing = new Map(names.map((name) => [name, null]));
    this.#name = Math.max(0, ...names.map((name) => width(visible(name))));
  }

  /** Does `work` for a kernel, which may tell how far it is. */
  async during<T>(name: string, work: (options: KernelOptions) => Promise<T>): Promise<T> {
    try {
      return await work({
        onProgress: (progress) => {
          this.#tell(name, progress);
        },
      });
    } finally {
      this.#doing.delete(name);
      this.#area.clear();
    }
  }

  #tell(name: string, progress: Progress): void {
    const lasting = progress.stage === 'note';
    if (this.#screen.tty ? lasting : progress.bytes === undefined) {
      this.#area.clear();
      this.#screen.write(`${name}: ${visible(progress.message)}\n`);
    }
    if (!this.#screen.tty) return;
    if (!lasting) this.#doing.set(name, progress);
    if (progress.bytes && performance.now() - this.#drawn < REDRAW_MS) return;
    this.#drawn = performance.now();
    this.#area.draw([...this.#doing].map(([kernel, doing]) => this.#line(kernel, doing)));
  }

  #line(name: string, doing: Progress | null): string {
    const bytes = doing?.bytes ? `${megabytes(doing.bytes.done)} of ${megabytes(doing.bytes.total)} MB` : '';
    const state = doing === null ? 'waiting' : 'fetching';
    const message = visible(doing?.message ?? '').replace(/^fetching /, '');
    const words = [pad(visible(name), this.#name), pad(state, 16), bytes, message];
    const text = words.filter((word) => word !== '').join('  ');
    return painter(this.#screen.colour)('dim', clip(text.trimEnd(), this.#screen.columns - 1));
  }
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);
