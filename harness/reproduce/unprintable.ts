/** The case holds something that the C printer has no words for; the message names it. */
export class Unprintable extends Error {
  /** The case that cannot be printed. */
  readonly id: string;
  /** What there is no C for, in a phrase that follows "cannot print". */
  readonly what: string;

  constructor(id: string, what: string) {
    super(`cannot print ${id} as a C program: ${what}`);
    this.name = 'Unprintable';
    this.id = id;
    this.what = what;
  }
}
