/** The command line: parses, calls one command, turns every error into a message and an exit status. */
import './optimizing.ts';
import { CommanderError } from 'commander';
import { KernelError } from '../../vm/kernels/types.ts';
import { WriteError } from '../../reports/write.ts';
import { MachineError } from '../../vm/machine.ts';
import { ProblemError } from '../load/problem.ts';
import { RunError } from '../run/run-error.ts';
import { NothingSelected } from '../load/select.ts';
import { EXIT, UserError } from './exit.ts';
import { program } from './program.ts';

async function main(argv: readonly string[]): Promise<number> {
  let exit: number = EXIT.ok;
  const root = program((status) => {
    exit = status;
  });
  try {
    await root.parseAsync(argv, { from: 'user' });
    return exit;
  } catch (problem) {
    return explain(problem);
  }
}

/** Writes what went wrong, to what, why and what to do, to stderr; a stack only for a bug of our own. */
function explain(problem: unknown): number {
  if (problem instanceof CommanderError) return problem.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (problem instanceof UserError) return tell(problem.exit, problem.message, problem.advice);
  if (problem instanceof RunError) return tell(problem.exit, problem.message, problem.advice);
  if (problem instanceof NothingSelected) return tell(EXIT.data, problem.message);
  if (problem instanceof ProblemError) return tell(EXIT.data, 'a case cannot be planned', problem.message);
  if (problem instanceof KernelError) return tell(problem.exitCode, problem.message, problem.advice);
  if (problem instanceof WriteError) return tell(EXIT.unavailable, problem.message, problem.advice);
  if (problem instanceof MachineError) return tell(EXIT.unavailable, problem.message, problem.advice);
  const detail = problem instanceof Error ? (problem.stack ?? problem.message) : String(problem);
  return tell(
    EXIT.software,
    `a bug in segproof: ${detail}`,
    'please report it with the command line and this text',
  );
}

function tell(exit: number, message: string, advice = ''): number {
  process.stderr.write(`segproof: ${message}\n${advice === '' ? '' : `${advice.replace(/^/gm, '  ')}\n`}`);
  return exit;
}

// A reader that went away (`| head`) is no error of ours.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (problem: NodeJS.ErrnoException) => {
    if (problem.code !== 'EPIPE') throw problem;
  });
}

process.exitCode = await main(process.argv.slice(2));
