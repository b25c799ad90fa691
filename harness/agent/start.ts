/**
 * Starts the agent from bytecode that the build has made of it: an emulated guest takes a second to compile what runs before the
 * first case. With a Node or with flags other than the build's V8 refuses the bytecode and compiles the source.
 *
 * `--compile` makes the bytecode, for the Node and the flags it runs with.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { Module, createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Script, constants } from 'node:vm';

const AGENT = join(__dirname, 'agent.cjs');

/** V8 tells bytecode of an interpreter-only process from others by its flags: each has its own. */
const BYTECODE = join(
  __dirname,
  [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].join(' ').includes('--jitless')
    ? 'agent.jitless.bytecode'
    : 'agent.bytecode',
);

const scriptOf = (source: string, cachedData?: Buffer): Script =>
  new Script(Module.wrap(source), {
    filename: AGENT,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    ...(cachedData ? { cachedData } : {}),
  });

/** Modules that the agent imports at its start; Node forgets how to import from a function that came out of bytecode. */
const IMPORTS = ['SEGPROOF_ENDPOINT', 'SEGPROOF_SEGMENTER'];

function bytecode(): Buffer | undefined {
  if (IMPORTS.some((name) => process.env[name] !== undefined)) return undefined;
  try {
    return readFileSync(BYTECODE);
  } catch {
    return undefined;
  }
}

/** Every function at once: V8 otherwise leaves each to its first call. */
function compile(): void {
  setFlagsFromString('--no-lazy');
  const script = scriptOf(readFileSync(AGENT, 'utf8'));
  setFlagsFromString('--lazy');
  writeFileSync(BYTECODE, script.createCachedData());
}

function start(): void {
  const script = scriptOf(readFileSync(AGENT, 'utf8'), bytecode());
  const main = script.runInThisContext() as (...args: readonly unknown[]) => void;
  const module = { exports: {} };
  main(module.exports, createRequire(AGENT), module, AGENT, dirname(AGENT));
}

if (process.argv.includes('--compile')) compile();
else start();
