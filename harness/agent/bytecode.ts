/** The compiled agent as one file, its bytecode beside it, and how both become a script. */
import { Module } from 'node:module';
import { join } from 'node:path';
import { Script, constants } from 'node:vm';

/** The agent's file in the build's folder. */
export const agentFile = (folder: string): string => join(folder, 'agent.cjs');

/** Its bytecode, for this process: V8 refuses bytecode made with other flags, so an interpreter-only process has its own. */
export const bytecodeFile = (folder: string): string => {
  const flags = [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].join(' ');
  return join(folder, flags.includes('--jitless') ? 'agent.jitless.bytecode' : 'agent.bytecode');
};

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
