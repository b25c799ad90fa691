/** The compiled agent as one file, its bytecode beside it, and how both become a script. */
import { Module } from 'node:module';
import { join } from 'node:path';
import { Script, constants } from 'node:vm';
import { EMULATED_NODE } from '../../vm/guest/node-flags.ts';

/** The agent's file in the build's folder. */
export const agentFile = (folder: string): string => join(folder, 'agent.cjs');

/** Its bytecode, for this process: V8 refuses bytecode made with other flags, so an emulated guest's has its own. */
export const bytecodeFile = (folder: string): string =>
  join(folder, process.execArgv.includes(EMULATED_NODE[0]) ? 'agent.emulated.bytecode' : 'agent.bytecode');

/**
 * The agent as a function of what Node gives each module. V8 leaves `bytecode` aside where it does not fit; what came out of it
 * cannot import modules.
 */
export const agentScript = (folder: string, source: string, bytecode?: Buffer): Script =>
  new Script(Module.wrap(source), {
    filename: agentFile(folder),
    ...(bytecode
      ? { cachedData: bytecode }
      : { importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER }),
  });
