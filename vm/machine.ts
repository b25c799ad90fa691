/**
 * The one interface between the harness and where a kernel runs. A machine starts a program on a kernel and carries
 * messages to and from it; it knows nothing of cases.
 */

/** Why a machine could not start, or ended before it was told to. */
export type MachineTrouble =
  /** A tool, kernel or permission is missing; nothing was started. */
  | 'unavailable'
  /** No sign of life within the boot deadline. */
  | 'boot-timeout'
  /** It booted and then ended or went silent. */
  | 'lost'
  /** The console shows a panic or oops. */
  | 'crash'
  /** A record was cut, doubled, missing or damaged. */
  | 'garbled';

export class MachineError extends Error {
  readonly trouble: MachineTrouble;
  /** What the user can do, one or more lines. */
  readonly advice: string;
  constructor(trouble: MachineTrouble, message: string, advice = '') {
    super(message);
    this.name = 'MachineError';
    this.trouble = trouble;
    this.advice = advice;
  }
}

export interface MachineOptions {
  /**
   * Program and arguments run on the machine; it finds its channel by the environment variable SEGPROOF_CHANNEL. It says nothing
   * before it is spoken to: a machine may be one that was frozen with its channel open, and awakened many times.
   */
  readonly command: readonly string[];
  /** Folder for the console log and whatever else the machine keeps as evidence. */
  readonly folder: string;
  /** Kernel modules, by name, that the command is about to need; a machine that can loads them while it starts. */
  readonly modules?: readonly string[];
  /** Longest time from start to the first message, in ms. */
  readonly bootMs: number;
  readonly signal: AbortSignal;
  readonly onState: (state: 'booting' | 'running', detail: string) => void;
}

/** A started machine. Disposing it kills the whole process tree and waits until it is gone. */
export interface Machine extends AsyncDisposable {
  readonly messages: AsyncIterable<unknown>;
  send(message: unknown): void;
  /** Console text so far ('' where there is none). */
  console(): Promise<string>;
}

/** A kernel that can be started: the running one or a guest's. */
export interface MachineSource {
  /** Name in results and on the command line: `running`, `6.1`, `6.12.95` … */
  readonly target: string;
  /** Exact commands that start() would run, for --dry-run and artefacts. */
  describe(options: Pick<MachineOptions, 'command' | 'folder' | 'modules'>): Promise<readonly string[]>;
  start(options: MachineOptions): Promise<Machine>;
}
