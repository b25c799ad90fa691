/** What is said of repeated measurements: medians with their spread, never means, which one bad sample can move. */

/** @throws RangeError for no values */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  if (low === undefined || high === undefined) throw new RangeError('no values, no median');
  return (low + high) / 2;
}

/** Three significant digits: `0.153`, `12.4`, `1240`. */
export function figure(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  return value.toFixed(Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value)))));
}

/** `12.4 s (11.9..14.0, n=5)` */
export function spread(values: readonly number[], unit: string): string {
  const range = `${figure(Math.min(...values))}..${figure(Math.max(...values))}`;
  return `${figure(median(values))}${unit} (${range}, n=${values.length})`;
}
