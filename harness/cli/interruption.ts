/** Signals that end a run in good order. */
import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** First signal: stop, tear down, write what there is, end with 128 + n. Second: leave at once. */
export class Interruption {
  readonly #controller = new AbortController();
  readonly signal = this.#controller.signal;
  exit: number | null = null;

  constructor() {
    for (const name of SIGNALS) process.on(name, this.#hear);
  }

  readonly #hear = (name: NodeJS.Signals): void => {
    if (this.exit !== null) process.exit(this.exit);
    this.exit = 128 + constants.signals[name];
    process.stderr.write(
      `\nsegproof: ${name}: tearing down and writing what there is (again to leave at once)\n`,
    );
    this.#controller.abort(new Error(name));
  };

  stop(): void {
    for (const name of SIGNALS) process.off(name, this.#hear);
  }
}
