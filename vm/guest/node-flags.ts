/**
 * What node is told where TCG emulates the CPU. Code that V8 writes must be translated by TCG once more, so only that of the
 * optimizing compiler pays, and only where it is used often: with the baseline compiler the agent was slower
 * than when it was interpreted alone (docs/boot-time.md). One CPU has nobody to do work in the background; a larger young
 * generation is collected less often.
 */
export const EMULATED_NODE = [
  '--no-sparkplug',
  '--no-maglev',
  '--no-use-osr',
  '--single-threaded',
  '--min-semi-space-size=16',
] as const;

/** The command with node's flags where it starts node. */
export const forEmulation = (command: readonly string[]): readonly string[] =>
  command.flatMap((word) => (word === process.execPath ? [word, ...EMULATED_NODE] : [word]));
