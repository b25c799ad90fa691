/** What all benchmarks' command lines have in common. */
import { Command, InvalidArgumentError } from 'commander';
import { UserError } from '../harness/cli/exit.ts';
import { KernelError, type Progress } from '../vm/kernels/types.ts';
import { MachineError } from '../vm/machine.ts';

export interface CommonFlags {
  readonly repeat: number;
  readonly quiet: number;
  readonly check?: boolean;
}

/** A claim with what was measured; `ok` is null when it could not be measured. */
export interface Claim {
  readonly text: string;
  readonly ok: boolean;
}

export function count(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= 1000) return value;
  throw new InvalidArgumentError('a whole number from 1 to 1000 is due here.');
}

function seconds(text: string): number {
  const value = Number(text);
  if (text !== '' && value >= 0 && value <= 86_400) return value;
  throw new InvalidArgumentError('seconds, from 0 to 86400, are due here.');
}

/** @param repeat how often each side is measured by default */
export function benchmark(name: string, description: string, repeat: number): Command {
  return new Command(name)
    .description(description)
    .option('-n, --repeat <n>', 'measure each side so often', count, repeat)
    .option('--quiet <seconds>', 'wait at most so long for others to leave the CPUs alone', seconds, 30)
    .option('--check', 'exit with 1 when a claim does not hold');
}

export const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** For what takes time and is no result. */
export const note = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

let told = '';

/** A download is told of with every piece that comes. */
export const onProgress = ({ stage, message }: Progress): void => {
  const line = `${stage}: ${message}`;
  if (line !== told) note(line);
  told = line;
};

/** Prints the claims; 1 when one does not hold and that was asked for. */
export function settle(claims: readonly Claim[], flags: CommonFlags): number {
  for (const { text, ok } of claims) say(`claim: ${text}: ${ok ? 'holds' : 'DOES NOT HOLD'}`);
  return flags.check === true && claims.some(({ ok }) => !ok) ? 1 : 0;
}

/** Runs a benchmark; what a user can mend is told without a stack. */
export async function main(command: Command): Promise<void> {
  try {
    await command.parseAsync();
  } catch (problem) {
    if (problem instanceof KernelError) fail(problem.exitCode, problem);
    else if (problem instanceof MachineError) fail(69, problem);
    else if (problem instanceof UserError) fail(problem.exit, problem);
    else throw problem;
  }
}

function fail(exit: number, { message, advice }: { message: string; advice: string }): void {
  note(`${message}${advice === '' ? '' : `\n${advice}`}`);
  process.exitCode = exit;
}
