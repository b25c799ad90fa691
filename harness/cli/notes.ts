/** What machines tell of their host, each once; kept until somebody listens. */
export class Notes {
  readonly #told = new Set<string>();
  #listener: ((note: string) => void) | null = null;

  readonly tell = (note: string): void => {
    if (this.#told.has(note)) return;
    this.#told.add(note);
    this.#listener?.(note);
  };

  listen(listener: (note: string) => void): void {
    this.#listener = listener;
    for (const note of this.#told) listener(note);
  }
}
