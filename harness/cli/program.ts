/** The table of commands, options and examples; commander makes parsing and --help of it. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { FORMATS, type Format } from '../../reports/view.ts';
import { durationMs } from '../load/duration.ts';
import { parseShard, type Shard } from '../run/shard.ts';
import { collect, count, machineCommands, machineOptions, type MachineFlags } from './machine-commands.ts';
import { toolVersion } from './version.ts';

const EXIT_STATUS = `
Exit status:
  0   something ran and everything came out as expected
  1   an unexpected outcome (fail, crash, timeout, error, xpass)
  4   everything was skipped
  64  wrong usage
  65  a case, topology or profile file is invalid, or a selection matches nothing
  69  no machine: no QEMU, no boot, guest lost for good
  70  a bug in segproof
  128+n  ended by signal n`;

const SELECTION = `
Selection:
  udp-gso                                  every case below a path
  udp-gso/limits/smallest-mtu              all variants of one case
  'udp-gso/xfrm/corked[family=ipv4]'       one variant
  '*family=ipv6*'                          * stands for any text
  @tag                                     cases with a tag; see \`segproof list --tags\``;

export interface RunFlags extends MachineFlags {
  readonly judgeAs?: string;
  readonly format: Format;
  readonly output?: string;
  readonly jobs?: number;
  readonly dryRun?: boolean;
  readonly keep?: boolean;
  readonly color?: boolean;
  readonly endpoint?: string;
  readonly suite: readonly string[];
  readonly resume?: string;
  readonly shard?: Shard;
  readonly repeat?: number;
  readonly untilFail?: boolean;
  /** In ms. */
  readonly deadline?: number;
  /** In ms. */
  readonly silence?: number;
  readonly profile?: string;
  readonly project?: string;
}

export interface MergeFlags extends Pick<RunFlags, 'format' | 'color' | 'verbose'> {
  readonly output: string;
  readonly partial?: boolean;
}

/** Builds the command tree; `done` receives the exit status of the command that ran. */
export function program(done: (exit: number) => void): Command {
  const root = new Command('segproof')
    .description('Proves how a Linux kernel or a NIC segments (GSO, USO) and coalesces (GRO) UDP.')
    .version(toolVersion, '-V, --version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand('help [command]', 'show the help of a command')
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError('(segproof --help shows what there is)')
    .addHelpText(
      'after',
      `${EXIT_STATUS}

Examples:
  segproof run                              all cases on the running kernel
  segproof run --kernel 6.1 --kernel 6.12   in virtual machines, Debian's newest 6.1 and 6.12
  segproof run --kernel 6.1 --judge-as 7.3  what would 6.1 need to be as right as 7.3?
  segproof run --profile nightly            as segproof.yaml says (docs/nightly.md)
  segproof explain udp-gso/limits/smallest-mtu --kernel 6.1`,
    );

  kernelOptions(root.command('run'))
    .argument('[selection...]', 'ids, paths above them, * patterns or @tags (default: all)')
    .description('Run cases and judge them.')
    .addOption(new Option('--format <format>', 'what goes to stdout').choices([...FORMATS]).default('human'))
    .option('-o, --output <dir>', 'results folder (default: results/<time>)')
    .option('-j, --jobs <n>', 'machines at the same time (default: by cores and memory)', count)
    .option('-n, --dry-run', 'print the exact commands and the cases, run nothing')
    .option('-v, --verbose', 'show every failure in full, with its system calls, and the consoles of guests')
    .option(
      '--endpoint <name>',
      'run with a wrong endpoint of fixtures/endpoints (or a compiled module), or segmenter:NAME, to see the checks catch it',
    )
    .option('--keep', 'let you into each guest in which cases failed, before it ends (one guest at a time)')
    .option('--repeat <n>', 'run every case n times; outcomes that differ are flaky, never a pass', count)
    .option('--until-fail', 'repeat (without an end, or up to --repeat) and stop at the first surprise')
    .option('--deadline <time>', 'longest time for the whole run: 90s, 30m, 2h', duration)
    .option('--silence <time>', 'give a silent machine up after this (default: by its speed)', duration)
    .option(
      '--shard <i/n>',
      "run the i-th of n parts (default: as the CI system's variables say); see merge",
      shard,
    )
    .option('--profile <name>', 'take options from this profile of the project file')
    .option('--project <file>', 'the project file (default: segproof.yaml in the current folder)')
    .option('--resume <dir>', 'go on with a run that was cut off; all else is taken from its folder')
    .addHelpText('after', SELECTION + EXIT_STATUS)
    .action(async (selection: string[], flags: RunFlags) => {
      done(await (await import('./run.ts')).runCommand(selection, flags));
    });

  root
    .command('list')
    .argument('[selection...]', 'as for run')
    .option('--ids', 'one id per line and nothing else')
    .option('--tags', 'the tags and how many variants carry them')
    .option('--suite <file>', 'read this suite file instead of suites/ (repeatable)', collect, [])
    .description('List suites, cases and how many variants they have.')
    .addHelpText('after', SELECTION)
    .action(async (selection: string[], flags: { ids?: boolean; tags?: boolean; suite: string[] }) => {
      done((await import('./list.ts')).listCommand(selection, flags));
    });

  root
    .command('lint')
    .argument('[file...]', 'suite files (default: all of suites/ and fixtures/)')
    .description('Find every problem in every file: file:line:column, what was expected, a near match.')
    .action(async (files: string[]) => {
      done((await import('./lint.ts')).lintCommand(files));
    });

  kernelOptions(root.command('explain'))
    .argument('<id>', 'a case or one of its variants')
    .description('Say what a case does, by which rule and source, and what is expected on a kernel.')
    .option('--c', 'print it as one self-contained C program that needs no segproof')
    .action(async (id: string, flags: RunFlags & { c?: boolean }) => {
      done(await (await import('./explain.ts')).explainCommand(id, flags));
    });

  kernelOptions(root.command('behaviours'))
    .description(
      'Print which behaviours and fixes a kernel has and lacks: stated by its version, probed, with commits.',
    )
    .action(async (flags: RunFlags) => {
      done(await (await import('./behaviours.ts')).behavioursCommand(flags));
    });

  merge(root, done);
  machineCommands(root, done);

  root
    .command('schema')
    .description('Print the JSON Schema of suite files, for editors.')
    .action(async () => {
      done((await import('./lint.ts')).schemaCommand());
    });
  return root;
}

function merge(root: Command, done: (exit: number) => void): void {
  root
    .command('merge')
    .argument('<dir...>', 'results folders of the shards of one run')
    .requiredOption('-o, --output <dir>', 'results folder to write')
    .option('--partial', 'go on where shards are missing; their cases count as not run')
    .addOption(new Option('--format <format>', 'what goes to stdout').choices([...FORMATS]).default('human'))
    .option('--color', 'colour even when stdout is no terminal')
    .option('--no-color', 'no colour')
    .option('-v, --verbose', 'show every failure in full, with its system calls')
    .description('Put the results of all shards of a run together; exits as the whole run would have.')
    .addHelpText('after', EXIT_STATUS)
    .action(async (folders: string[], flags: MergeFlags) => {
      done(await (await import('./merge.ts')).mergeCommand(folders, flags));
    });
}

/** Options of the commands that need a kernel. */
function kernelOptions(command: Command): Command {
  return machineOptions(command)
    .option(
      '--judge-as <version>',
      "judge by another version's rules, and list the commits the kernel would need",
    )
    .option('--color', 'colour even when stdout is no terminal')
    .option('--no-color', 'no colour')
    .option('--suite <file>', 'read this suite file instead of suites/ (repeatable)', collect, []);
}
/** `90s`, `30m`, `2h` in ms. */
function duration(value: string): number {
  const ms = durationMs(value);
  if (ms === null)
    throw new InvalidArgumentError('a time such as 90s, 30m or 2h is expected, at most 24 days.');
  return ms;
}

function shard(value: string): Shard {
  try {
    return parseShard(value);
  } catch (problem) {
    throw new InvalidArgumentError((problem as Error).message);
  }
}
