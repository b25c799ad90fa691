/**
 * Part of the build: writes what the agent would otherwise have to work out each time it starts, into the folder given. Run by
 * the Node that is to start it; runs itself again with the flags of an emulated guest.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { EMULATED_NODE } from '../../vm/guest/node-flags.ts';
import { agentFile, agentScript, bytecodeFile } from './bytecode.ts';
import { poolFile, wholePool } from './payload.ts';

const [, file = '', folder = '.'] = process.argv;
// Every function at once: V8 otherwise leaves each to its first call. The flag is no part of the bytecode's own check.
setFlagsFromString('--no-lazy');
const script = agentScript(folder, readFileSync(agentFile(folder), 'utf8'));
setFlagsFromString('--lazy');
writeFileSync(bytecodeFile(folder), script.createCachedData());
writeFileSync(poolFile(folder), wholePool());
if (process.execArgv.length === 0)
  execFileSync(process.execPath, [...EMULATED_NODE, file, folder], { stdio: 'inherit' });
