/** Gathers a case's actions with what is expected of each, and what later steps need to know of earlier ones. */
import type { Expectation, Expected } from '../contract/expectation.ts';
import type { Action, Endpoint, Family } from '../contract/program.ts';
import type { Location } from '../contract/result.ts';
import type { Case } from '../load/case.ts';
import { nearHint } from '../load/problem.ts';
import type { Path } from '../load/yaml-file.ts';
import type { Scope } from './scope.ts';
import { Streams, type Cursor } from './stream.ts';
import { endpointOf, type End, type ResolvedTopology } from './topology.ts';

/** Port that receivers are bound to. */
export const PORT = 9000;

export interface OpenSocket {
  readonly name: string;
  readonly ns: string;
  readonly family: Family;
  bound?: Endpoint;
  connected: boolean;
}

export interface Addressing {
  readonly to: string;
  readonly port: number | null;
}

export class Build {
  readonly actions: Action[] = [];
  readonly expectations: Expectation[] = [];
  readonly streams = new Streams();
  /** Read position of all receives: bytes follow on from one to the next. */
  readonly received: Cursor;
  /** Read position of each capture. */
  readonly captures = new Map<string, Cursor>();
  readonly sockets = new Map<string, OpenSocket>();
  /** Of the payload. */
  readonly seed: number;
  readonly theCase: Case;
  readonly scope: Scope;
  readonly resolved: ResolvedTopology;
  /** Set by changes after which a datagram of the agent's own would not arrive. */
  pathChanged = false;
  #streams = 0;

  constructor(theCase: Case, scope: Scope, resolved: ResolvedTopology, seed: number) {
    this.seed = seed;
    this.theCase = theCase;
    this.scope = scope;
    this.resolved = resolved;
    this.received = this.streams.cursor(0);
  }

  push(action: Action, expected: Expected, where: Location, behaviours: readonly string[]): void {
    this.actions.push(action);
    this.expectations.push({ expected, where, behaviours });
  }

  /** The stream that the next send will have. */
  get coming(): number {
    return this.#streams;
  }

  nextStream(): number {
    return this.#streams++;
  }

  /** The end of the topology a step means by `at`. */
  end(name: string, path: Path): End {
    if (name === 'sender' || name === 'receiver') return this.resolved[name];
    return this.scope.fail(path, `unknown endpoint "${name}"`, { expected: 'sender or receiver' });
  }

  /** A device by the name that the topology gives it; lo is in every namespace. */
  device(ns: string, name: string, path: Path): string {
    const links = this.resolved.topology.namespaces[ns]?.links ?? [];
    const known = [...new Set([...links.map((link) => link.name), 'lo'])];
    if (known.includes(name)) return name;
    return this.scope.fail(path, `no device "${name}" in namespace ${ns} of the topology`, {
      expected: known.join(', '),
      ...nearHint(name, known),
    });
  }

  socket(name: string, path: Path): OpenSocket {
    return (
      this.sockets.get(name) ??
      this.scope.fail(path, `no socket "${name}" is open here`, {
        expected: 'a step before this one that opens it',
      })
    );
  }

  /** An address as written (`receiver`, `any`, literal) for a socket of this family. */
  endpoint({ to, port }: Addressing, family: Family, fallbackPort: number, path: Path): Endpoint {
    if (to === 'any') return { address: family === 'ipv4' ? '0.0.0.0' : '::', port: port ?? fallbackPort };
    if (to !== 'sender' && to !== 'receiver') return { address: to, port: port ?? fallbackPort };
    const found = endpointOf(this.resolved[to], family, port ?? (to === 'receiver' ? PORT : 0));
    return found ?? this.scope.fail(path, `the topology gives the ${to} no ${family} address`);
  }

  /** `family` as a step says it, or the axis. */
  family(word: string | undefined, path: Path): Family {
    const family = word ?? this.scope.get('family');
    if (family === 'ipv4' || family === 'ipv6') return family;
    return this.scope.fail(
      path,
      family === undefined ? 'which family?' : `unknown family "${String(family)}"`,
      {
        expected: 'ipv4 or ipv6, here or as axis "family"',
      },
    );
  }
}
