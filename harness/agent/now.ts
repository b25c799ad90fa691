/** Milliseconds of a clock that only goes on. `performance` would make Node load a module of its own at the first case. */
export function now(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}
