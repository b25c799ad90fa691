/** How a rule ends early: the kernel refuses, or what is known does not suffice to say what it does. */

/** The kernel refuses the call with this errno. */
export class Refused extends Error {
  readonly errno: string;
  /** Refused for its arguments, before anything was done: what was pending on the socket stays. */
  readonly early: boolean;
  constructor(errno: string, early = false) {
    super(errno);
    this.name = 'Refused';
    this.errno = errno;
    this.early = early;
  }
}

/** The model cannot tell: why. Then the case itself has to state what is expected. */
export class Underivable extends Error {
  constructor(why: string) {
    super(why);
    this.name = 'Underivable';
  }
}

/** What the kernel is held to, by behaviour; keeps a record of what was asked. */
export class Rules {
  /** Behaviours that decided something. */
  readonly asked = new Set<string>();
  readonly #states: Readonly<Record<string, boolean>>;

  constructor(states: Readonly<Record<string, boolean>>) {
    this.#states = states;
  }

  /** @throws Underivable when nothing tells whether the kernel has it */
  has(behaviour: string): boolean {
    this.asked.add(behaviour);
    const state = this.#states[behaviour];
    if (state === undefined) throw new Underivable(`nothing tells whether the kernel has ${behaviour}`);
    return state;
  }

  /** UDP_MAX_SEGMENTS, include/linux/udp.h. */
  get maxSegments(): number {
    return this.has('max-128-segments') ? 128 : 64;
  }
}
