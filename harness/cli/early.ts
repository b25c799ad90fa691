/** A machine that starts while the command line is still reading suites: both take tenths of a second, on two cores. */
import type { Machine, MachineOptions, MachineSource } from '../../vm/machine.ts';

export class EarlyMachine implements MachineSource {
  readonly target: string;
  /** Resolves when the machine runs by itself, or has failed. */
  readonly begun: Promise<void>;
  readonly #source: MachineSource;
  #started: Promise<Machine> | null;

  constructor(source: MachineSource, options: MachineOptions) {
    this.target = source.target;
    this.#source = source;
    this.#started = source.start(options);
    // Whoever asks for it meets the failure; until then it is no unhandled one.
    this.begun = this.#started.then(
      () => undefined,
      () => undefined,
    );
  }

  describe(options: Pick<MachineOptions, 'command' | 'folder' | 'modules'>): Promise<readonly string[]> {
    return this.#source.describe(options);
  }

  /** The early machine the first time, a new one after it was lost. */
  start(options: MachineOptions): Promise<Machine> {
    const started = this.#started;
    this.#started = null;
    return started ?? this.#source.start(options);
  }

  /** Ends the machine if nobody asked for it. */
  async discard(): Promise<void> {
    const started = this.#started;
    this.#started = null;
    const machine = await started?.catch(() => null);
    await machine?.[Symbol.asyncDispose]();
  }
}
