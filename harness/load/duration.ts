const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };

/** `90s`, `30m`, `2h` in ms, at most 24 days, which is as far as a timer goes; null for anything else. */
export function durationMs(text: string): number | null {
  const match = /^([1-9]\d{0,5})([smh])$/.exec(text);
  const ms = Number(match?.[1]) * (UNITS[match?.[2] ?? ''] ?? 0);
  return match && ms <= 2 ** 31 - 1 ? ms : null;
}
