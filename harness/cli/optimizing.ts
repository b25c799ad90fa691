/**
 * How much code must have run before V8 optimizes it: twelve times what it is by default. A run of thousands of cases calls hundreds
 * of functions, each a few thousand times: by default two fifths of the processor time of planning and judging went into
 * optimizing them (V8 11.3: 4.4 s of CPU for 4263 cases; 2.5 s with this, 2.8 s with no optimizing at all). A flag of the command
 * line would keep a node that does not know it from starting; this one says so and goes on.
 */
import { setFlagsFromString } from 'node:v8';

/** In bytes of bytecode that a function has run; V8's default is 66 KiB. */
const INTERRUPT_BUDGET = 800_000;

setFlagsFromString(`--interrupt-budget=${INTERRUPT_BUDGET}`);
