/**
 * Network namespaces held by descriptor. The main thread moves between them: everything the agent does is synchronous, so
 * no other code can run in the wrong one, and /proc/net and /proc/sys/net follow the thread (they show the namespace of the
 * task that opens them). libuv's pool threads stay behind, which is why nothing asynchronous is used.
 */
import { closeSync, openSync } from 'node:fs';
import { errnoName } from '../abi/errno.ts';
import { CLONE_NEWNET } from './sys.ts';
import type { SystemCalls } from './sys.ts';

/** A system call that must not fail did. */
export class SystemError extends Error {
  /** e.g. `EPERM` */
  readonly errno: string;
  constructor(what: string, ret: number, detail = '') {
    const errno = errnoName(-ret);
    super(`${what}: ${errno}${detail === '' ? '' : ` (${detail})`}`);
    this.name = 'SystemError';
    this.errno = errno;
  }
}

export class Namespaces {
  readonly #sys: SystemCalls;
  readonly #home: number;
  #current: number;

  constructor(sys: SystemCalls) {
    this.#sys = sys;
    this.#home = openSync('/proc/self/ns/net', 'r');
    this.#current = this.#home;
  }

  /** A new, empty namespace; the thread is in it afterwards. Returns the descriptor that keeps it alive. */
  create(): number {
    const ret = this.#sys.unshare(CLONE_NEWNET);
    if (ret < 0) throw new SystemError('unshare(CLONE_NEWNET)', ret);
    // The thread left its namespace, even if the next line fails.
    this.#current = -1;
    this.#current = openSync('/proc/self/ns/net', 'r');
    return this.#current;
  }

  /** Moves the thread; nothing when it is there already. */
  enter(namespace: number): void {
    if (this.#current === namespace) return;
    const ret = this.#sys.setns(namespace, CLONE_NEWNET);
    if (ret < 0) throw new SystemError('setns', ret);
    this.#current = namespace;
  }

  /** Moves the thread to where the agent was started. */
  leave(): void {
    this.enter(this.#home);
  }

  /** Lets go of a namespace; the kernel tears it down when its last socket is gone. */
  drop(namespace: number): void {
    if (this.#current === namespace) this.leave();
    closeSync(namespace);
  }
}
