/** How to write to this user's streams: colour, width, redrawing. */

export interface TextStyle {
  readonly colour: boolean;
  /** Width in columns. */
  readonly columns: number;
}

/** `--color`/`--no-color` win, then NO_COLOR and FORCE_COLOR (no-color.org), then whether it is a terminal. */
export function style(stream: NodeJS.WriteStream, flag?: boolean): TextStyle {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
  const wanted =
    flag ??
    (NO_COLOR !== undefined && NO_COLOR !== ''
      ? false
      : FORCE_COLOR !== undefined && FORCE_COLOR !== '0'
        ? true
        : stream.isTTY && TERM !== 'dumb');
  // A pseudo-terminal whose size nobody has set says 0.
  return { colour: wanted, columns: (stream.isTTY ? stream.columns : 120) || 80 };
}

/** True when lines may be redrawn: a terminal that can, and no CI log. */
export function redraws(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY && process.env['TERM'] !== 'dumb' && process.env['CI'] === undefined;
}
