/**
 * Starts the agent from bytecode that the build has made of it (prepare.ts): an emulated guest takes a second to compile what
 * runs before the first case.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { agentFile, agentScript, bytecodeFile } from './bytecode.ts';

/** Modules that the agent imports at its start; Node forgets how to import from a function that came out of bytecode. */
const IMPORTS = ['SEGPROOF_ENDPOINT', 'SEGPROOF_SEGMENTER'];

function bytecode(): Buffer | undefined {
  if (IMPORTS.some((name) => process.env[name] !== undefined)) return undefined;
  try {
    return readFileSync(bytecodeFile(__dirname));
  } catch {
    return undefined;
  }
}

const file = agentFile(__dirname);
const script = agentScript(__dirname, readFileSync(file, 'utf8'), bytecode());
const main = script.runInThisContext() as (...args: readonly unknown[]) => void;
const module = { exports: {} };
main(module.exports, createRequire(file), module, file, __dirname);
