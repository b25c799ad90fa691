import { execa } from 'execa';
import { KernelError } from './types.ts';

export interface Ran {
  readonly ok: boolean;
  readonly stdout: string;
  /** Standard error, trimmed. */
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** Called with each piece of standard output; nothing of it is then kept. */
  readonly onText?: (text: string) => void;
}

/** Administration tools live in sbin, which is not on an ordinary user's PATH in Debian. */
export const TOOL_PATH = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin`;

/**
 * Run a program without a shell and with untranslated messages.
 * @throws KernelError (69) when the program is not there or was ended by a signal; a non-zero exit is only `ok: false`.
 */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const child = execa(program, [...args], {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
    ...(options.onText === undefined ? {} : { buffer: { stdout: false, stderr: true } }),
    env: { PATH: TOOL_PATH, ...options.env, LC_ALL: 'C' },
    stdin: 'ignore',
    reject: false,
    maxBuffer: 64 * 1024 * 1024,
  });
  const { onText } = options;
  if (onText !== undefined) child.stdout.setEncoding('utf8').on('data', onText);
  const result = await child;
  options.signal?.throwIfAborted();
  if (result.exitCode === undefined) {
    if (result.code === 'ENOENT') throw new KernelError(69, `${program} is not installed`);
    throw new KernelError(69, `${program} was ended: ${result.shortMessage}`);
  }
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  return { ok: result.exitCode === 0, stdout: text(result.stdout), stderr: text(result.stderr).trim() };
}

/** True when the program can be found on the PATH or in an sbin folder. */
export async function has(program: string): Promise<boolean> {
  return (await run('/bin/sh', ['-c', 'command -v "$1" >/dev/null', 'sh', program])).ok;
}
