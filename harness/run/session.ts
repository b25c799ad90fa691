/** A typed conversation with the agent on a machine, with a deadline on every wait. */
import type { FromAgent, ToAgent } from '../contract/protocol.ts';
import type { Program } from '../contract/program.ts';
import { MachineError, type Machine } from '../../vm/machine.ts';

/** The agent said nothing within the time it was given. */
export class Silence extends Error {}

export class Session implements AsyncDisposable {
  readonly #machine: Machine;
  readonly #messages: AsyncIterator<unknown>;
  #pending: Promise<IteratorResult<unknown>> | null = null;

  /** Keys of the topologies that the agent was told of. */
  readonly #told = new Set<string>();

  readonly #aborted: Promise<never>;
  #unlisten = (): void => undefined;

  /** @param signal ends every wait when it is aborted */
  constructor(machine: Machine, signal?: AbortSignal) {
    this.#machine = machine;
    this.#aborted = new Promise((_, reject) => {
      const abort = (): void => {
        reject(signal?.reason as Error);
      };
      if (signal?.aborted === true) abort();
      else signal?.addEventListener('abort', abort, { once: true });
      this.#unlisten = () => signal?.removeEventListener('abort', abort);
    });
    this.#aborted.catch(() => undefined);
    this.#messages = machine.messages[Symbol.asyncIterator]();
  }

  send(message: ToAgent): void {
    this.#machine.send(message);
  }

  /** Has the agent run a program: it answers `start` and `case`. */
  run(program: Program): void {
    const { topology } = program;
    if (!this.#told.has(topology.key)) this.send({ type: 'topology', topology });
    this.#told.add(topology.key);
    this.send({ type: 'run', program: { ...program, topology: topology.key } });
  }

  /** The next message. Throws {@link Silence} after `ms`, {@link MachineError} when the machine ended. */
  async next(ms: number): Promise<FromAgent> {
    this.#pending ??= this.#messages.next();
    let timer: NodeJS.Timeout | undefined;
    const expired = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new Silence(`no word from the agent for ${Math.round(ms / 100) / 10} s`));
      }, ms);
    });
    try {
      const result = await Promise.race([this.#pending, expired, this.#aborted]);
      this.#pending = null;
      if (result.done)
        throw new MachineError('lost', 'the agent closed its channel before its work was done');
      const message = result.value as FromAgent;
      if (message.type === 'fatal') throw new MachineError('lost', `the agent failed: ${message.message}`);
      return message;
    } finally {
      clearTimeout(timer);
    }
  }

  /** The next message, which must be of this type. */
  async expect<T extends FromAgent['type']>(type: T, ms: number): Promise<Extract<FromAgent, { type: T }>> {
    const message = await this.next(ms);
    if (message.type !== type)
      throw new MachineError('garbled', `the agent said ${message.type} where ${type} was due`);
    return message as Extract<FromAgent, { type: T }>;
  }

  console(): Promise<string> {
    return this.#machine.console();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#pending?.catch(() => undefined);
    this.#unlisten();
    await this.#machine[Symbol.asyncDispose]();
  }
}
