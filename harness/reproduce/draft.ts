/** A program as it grows: what its steps need, and the lines they have written so far. */
import { levelNumber, literal } from '../abi/levels.ts';
import { MSG_FLAGS } from '../abi/flags.ts';
import { optionNumber } from '../abi/options.ts';
import type { PlannedCase } from '../contract/expectation.ts';
import { cName, cString } from './c-text.ts';
import type { Helper } from './helper.ts';
import { enter } from './helpers/namespaces.ts';
import { Unprintable } from './unprintable.ts';

export interface Socket {
  /** Its C variable. */
  readonly variable: string;
  readonly ns: string;
  readonly protocol: 'udp' | 'udplite';
}

export class Draft {
  readonly planned: PlannedCase;
  readonly helpers = new Set<Helper>();
  readonly includes = new Set<string>();
  /** Names that the system's headers may lack, with their numbers. */
  readonly constants = new Map<string, number>();
  /** Definitions of variables. */
  readonly variables = new Set<string>();
  /** Statements that build the topology, one level deep. */
  readonly setup: string[] = [];
  /** Statements of the case. */
  readonly steps: string[] = [];
  readonly sockets = new Map<string, Socket>();
  /** Captures by name: their C variable. */
  readonly captures = new Map<string, string>();
  /** Most slices of one expected datagram or packet. */
  span = 1;
  /** By namespace: how often end marks have raised each counter. */
  readonly marks = new Map<string, Map<string, number>>();
  readonly #names = new Map<string, string>();
  #into: string[] = this.setup;
  #place = '';

  constructor(planned: PlannedCase) {
    this.planned = planned;
  }

  use(...helpers: readonly Helper[]): void {
    for (const helper of helpers) this.helpers.add(helper);
  }

  include(...names: readonly string[]): void {
    for (const name of names) this.includes.add(name);
  }

  /** Writes lines of a function's body; each gets one tab more than it has. */
  write(...lines: readonly string[]): void {
    this.#into.push(...lines.map((line) => (line === '' ? '' : `\t${line}`)));
  }

  /** From now on lines belong to the case. */
  beginSteps(): void {
    this.#into = this.steps;
  }

  /** From now on differences are said to be about this place of a suite. */
  at(place: string): void {
    if (place === this.#place) return;
    this.write(...(this.#place === '' ? [] : ['']), `where = ${cString(place)};`);
    this.#place = place;
  }

  refuse(what: string): never {
    throw new Unprintable(this.planned.id, what);
  }

  /** A C identifier for a name of the case; two names never share one. */
  name(prefix: string, name: string): string {
    const key = `${prefix} ${name}`;
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    const taken = new Set(this.#names.values());
    let identifier = cName(prefix, name);
    while (taken.has(identifier)) identifier += '_';
    this.#names.set(key, identifier);
    return identifier;
  }

  socket(name: string): Socket {
    return this.sockets.get(name) ?? this.refuse(`socket ${name} is used before it is opened`);
  }

  /** The descriptor of a namespace. */
  namespace(name: string): string {
    if (!(name in this.planned.program.topology.namespaces))
      this.refuse(`the topology has no namespace ${name}`);
    return this.name('ns', name);
  }

  /** Goes to a namespace; says nothing where there is only one. */
  enter(name: string): void {
    const variable = this.namespace(name);
    if (Object.keys(this.planned.program.topology.namespaces).length < 2) return;
    this.use(enter);
    this.write(`enter(${variable});`);
  }

  /** A level as C has it. */
  level(text: string): string {
    return this.#constant(text, levelNumber(text), 'socket option level');
  }

  /** An option or type of control message as C has it. */
  option(text: string): string {
    return this.#constant(text, optionNumber(text), 'socket option');
  }

  /** Message flags as C has them: `MSG_MORE | MSG_DONTWAIT`, or 0. */
  flags(names: readonly string[]): string {
    const all = names.map((name) => this.#constant(name, MSG_FLAGS[name] ?? literal(name), 'message flag'));
    return all.length === 0 ? '0' : all.join(' | ');
  }

  #constant(text: string, number: number | undefined, what: string): string {
    if (number === undefined) return this.refuse(`${text} is no ${what}`);
    if (literal(text) !== undefined) return String(number);
    this.constants.set(text, number);
    return text;
  }
}
