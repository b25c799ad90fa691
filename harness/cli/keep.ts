/** `run --keep`: a guest in which cases have failed stays up, and the user is let in. */
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import type { RunEvent } from '../contract/result.ts';
import type { GuestOptions } from '../../vm/guest.ts';
import type { Machine, MachineOptions, MachineSource } from '../../vm/machine.ts';
import { EXIT, UserError } from './exit.ts';
import { relay } from './terminal-relay.ts';

/** Said by the guest when it listens, and what it then waits for. */
const READY = 'kept?';
const KEEP = 'keep';
const BUSYBOX = '/run/segproof/busybox';
/** Longest wait for READY, in ms: a guest that is gone or hangs says nothing. */
const READY_MS = 30_000;

/** What the guest does after its agent. One descriptor all along: what is typed at a terminal that nobody has open is lost. */
const AFTERWARDS = [
  'exec 7<>/dev/hvc0',
  `${BUSYBOX} stty -echo <&7`,
  `echo ${READY} >&7`,
  'read -r word <&7',
  `${BUSYBOX} stty echo <&7`,
  `[ "$word" = ${KEEP} ] && TERM=linux ${BUSYBOX} setsid -c bash --norc -i <&7 >&7 2>&1`,
].join('; ');

/** @throws UserError where nobody could be let in */
export function requireTerminal(kernels: readonly string[]): void {
  if (kernels.length === 0 || kernels.includes('running'))
    throw new UserError(EXIT.usage, '--keep keeps guests: name their kernels with --kernel');
  if (!process.stdin.isTTY || !process.stdout.isTTY)
    throw new UserError(
      EXIT.usage,
      '--keep needs a terminal to let you into the guest',
      'without one, read the evidence in the results folder, or use: segproof shell --kernel K CASE',
    );
}

/** Makes sources of machines that wait for their user; must hear the events of the run. */
export class Keeper {
  readonly #failed = new Set<string>();

  event(event: RunEvent): void {
    if (event.type !== 'case-end') return;
    const { outcome, target } = event.result;
    if (outcome === 'fail' || outcome === 'error' || outcome === 'xpass' || outcome === 'timeout')
      this.#failed.add(target);
  }

  /** @param make a guest with these further options */
  source(target: string, make: (more: Partial<GuestOptions>) => MachineSource): MachineSource {
    let terminal: Duplex | undefined;
    const guest = make({
      afterwards: AFTERWARDS,
      onTerminal: (opened) => {
        terminal = opened;
      },
    });
    return {
      target: guest.target,
      describe: (options) => guest.describe(options),
      start: async (options: MachineOptions): Promise<Machine> => {
        const machine = await guest.start(options);
        return {
          messages: machine.messages,
          send: (message) => {
            machine.send(message);
          },
          console: () => machine.console(),
          [Symbol.asyncDispose]: async () => {
            if (this.#failed.has(target) && !options.signal.aborted) await letIn(target, terminal);
            await machine[Symbol.asyncDispose]();
          },
        };
      },
    };
  }
}

async function letIn(target: string, terminal: Duplex | undefined): Promise<void> {
  const ready =
    terminal && (await once(terminal, 'data', { signal: AbortSignal.timeout(READY_MS) }).catch(() => null));
  if (!terminal || !ready || terminal.destroyed) {
    process.stderr.write(
      `segproof: the guest of ${target} is gone and cannot be kept; its console is in the results\n`,
    );
    return;
  }
  process.stderr.write(
    `\nsegproof: cases failed on ${target}; its guest is kept and this is a shell in it (exit or Ctrl-D goes on, Ctrl-A X kills it)\n`,
  );
  const gone = once(terminal, 'close');
  const undo = relay(terminal, process.stdin, process.stdout, () => {
    terminal.destroy();
  });
  terminal.write(`${KEEP}\n`);
  await gone;
  undo();
}
