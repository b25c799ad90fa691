/** Exit statuses of DESIGN's table, and the errors that carry them to main. */

export const EXIT = {
  ok: 0,
  unexpected: 1,
  allSkipped: 4,
  usage: 64,
  data: 65,
  unavailable: 69,
  software: 70,
} as const;

/** Ends the program with a message for the user and no stack trace. */
export class UserError extends Error {
  readonly exit: number;
  /** What to do about it; printed on its own line. */
  readonly advice: string;
  constructor(exit: number, message: string, advice = '') {
    super(message);
    this.name = 'UserError';
    this.exit = exit;
    this.advice = advice;
  }
}
