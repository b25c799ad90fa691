/** Messages between host and agent. The channel frames, numbers and checksums them (vm/frames.ts). */
import type { AgentEvidence, CaseEvidence } from './evidence.ts';
import type { Program } from './program.ts';
import type { Topology } from './topology.ts';

/** The first word, until which the agent has said nothing: its machine may have been asleep for days. */
export interface Greeting {
  readonly type: 'greet';
  /** Milliseconds since 1970 by the host's clock. */
  readonly now: number;
  /** Random bytes in base64: machines woken from one snapshot shall not draw the same numbers. */
  readonly entropy: string;
}

/** A program as it is sent: many run over one topology, which is told once and goes by its key from then on. */
export interface SentProgram extends Omit<Program, 'topology'> {
  readonly topology: Topology['key'];
}

export type ToAgent =
  | Greeting
  /** Which link kinds can be created here, which protocols opened? */
  | { readonly type: 'survey'; readonly kinds: readonly string[] }
  /** Not answered. */
  | { readonly type: 'topology'; readonly topology: Topology }
  | { readonly type: 'run'; readonly program: SentProgram }
  /** No more work: answer `bye` and exit 0. */
  | { readonly type: 'end' };

/** The answer to a greeting. */
export interface Hello {
  readonly type: 'hello';
  readonly protocol: 1;
  /** uname -r, -v, -m */
  readonly release: string;
  readonly version: string;
  readonly machine: string;
  readonly node: string;
  readonly cpus: number;
  /** Nanoseconds a fixed calibration loop took; scales the case deadlines. */
  readonly slowness: number;
  readonly kmsg: boolean;
}

/** To the shell (harness/agent/shell.ts), which answers `ready` and ends with its user. */
export interface ShellOrder {
  readonly type: 'shell';
  /** What the prompt shows. */
  readonly name: string;
  /** null: none, the shell is in the machine's own namespace. */
  readonly topology: Topology | null;
  /** Device to talk to the user on. */
  readonly terminal: string;
  readonly term: string;
  readonly rows: number;
  readonly columns: number;
}

export type FromAgent =
  | Hello
  /** `null`: works; else the errno name of the attempt. */
  | { readonly type: 'survey'; readonly kinds: Readonly<Record<string, string | null>> }
  | { readonly type: 'start'; readonly id: string }
  | { readonly type: 'case'; readonly evidence: AgentEvidence }
  /** Counts of what was started and finished: the host compares. `kernel`: what it said after the last case. */
  | {
      readonly type: 'bye';
      readonly started: number;
      readonly finished: number;
      readonly kernel: CaseEvidence['kernel'];
    }
  /** The agent itself failed. */
  | { readonly type: 'fatal'; readonly message: string };
