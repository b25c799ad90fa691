/** A run that cannot begin or go on for a reason that the user can mend; the command line prints it without a stack. */
export class RunError extends Error {
  /** Exit status of DESIGN's table. */
  readonly exit: 64 | 65 | 69;
  readonly advice: string;
  constructor(exit: 64 | 65 | 69, message: string, advice = '', options?: ErrorOptions) {
    super(message, options);
    this.name = 'RunError';
    this.exit = exit;
    this.advice = advice;
  }
}

const WHY: Readonly<Record<string, string>> = {
  ENOSPC: 'no space left on the device',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  EACCES: 'permission denied',
  EIO: 'the disk reports an input/output error',
};

/** The error for a file of the results folder that cannot be written. Others than the system's are returned as they are. */
export function writeError(file: string, folder: string, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined) return error;
  return new RunError(
    69,
    `cannot write ${file}: ${WHY[code] ?? (error as Error).message} (${code})`,
    `Mend that, then go on where it stopped: segproof run --resume ${folder}`,
    { cause: error },
  );
}
