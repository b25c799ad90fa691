/** What the planner expects of each action; the judge holds it against the evidence. Everything is concrete. */
import type { ErrorOrigin } from './evidence.ts';
import type { Program } from './program.ts';
import type { Location } from './result.ts';

/** A stretch of payload: `length` bytes of stream `stream` from `at` on. */
export interface Slice {
  readonly stream: number;
  readonly at: number;
  readonly length: number;
}

export interface ExpectedDatagram {
  /** recvmsg's return value in bytes. */
  readonly length: number;
  /** Exactly these bytes; several when a corked datagram was put together from several sends. */
  readonly payload: readonly Slice[];
  /** Value of the UDP_GRO cmsg in bytes; null: there must be none. */
  readonly gro: number | null;
  /** It must not arrive sooner than so many ms after the first send, nor later than the machine's slack after that. */
  readonly afterMs?: number;
  /** Control messages that must come along, once each; others may. */
  readonly control?: readonly ExpectedControl[];
  /** msg_flags by name, sorted. */
  readonly flags: readonly string[];
}

/** A control message of a datagram. */
export interface ExpectedControl {
  /** Names, as in the evidence. */
  readonly level: string;
  readonly type: string;
  /** Its data. */
  readonly hex: string;
}

/** Fields left out are not stated by the case. */
export interface ExpectedPacket {
  readonly payload: readonly Slice[];
  readonly gso?: string;
  readonly gsoSize?: number;
  readonly checksum?: string;
  readonly ipLength?: number;
  readonly udpLength?: number;
  /** Of the packet around it. */
  readonly outerChecksum?: string;
  readonly outerIpLength?: number;
  readonly outerUdpLength?: number;
  readonly outerTtl?: number;
  readonly outerTos?: number;
  readonly outerDf?: boolean;
  readonly ttl?: number;
  readonly tos?: number;
  readonly df?: boolean;
  /** Of the (outermost) VLAN tag. */
  readonly priority?: number;
  /** As of a datagram. */
  readonly afterMs?: number;
}

/** Fields left out are not stated by the case. */
export interface ExpectedNotice {
  readonly origin: ErrorOrigin;
  readonly errno?: string;
  readonly type?: number;
  readonly code?: number;
  readonly info?: number;
  readonly data?: number;
  /** recvmsg's return value. */
  readonly length?: number;
  readonly offender?: string;
  /** A software time stamp must have come along. */
  readonly stamped?: boolean;
}

/** Zerocopy completions of the sends `first` to `last`, each told of once, in order, however they are put together. */
export interface ExpectedCompletions {
  readonly first: number;
  readonly last: number;
  /** Whether the kernel copied the data after all. */
  readonly copied: boolean;
}

/** The action returns -1 with exactly this errno. */
export interface ExpectedError {
  readonly error: string;
}

export type Expected =
  | ExpectedError
  /** The action succeeds: `returns`, where given, is its exact return value. */
  | { readonly ok: true; readonly returns?: number; readonly lengths?: readonly number[] }
  | { readonly value: { readonly int?: number; readonly hex?: string; readonly length: number } }
  | { readonly datagrams: readonly ExpectedDatagram[] }
  | { readonly bytes: number }
  | { readonly notices: readonly ExpectedNotice[] }
  | { readonly completions: ExpectedCompletions }
  | { readonly counters: Readonly<Record<string, number>> }
  | { readonly packets: readonly ExpectedPacket[] };

export interface Expectation {
  readonly expected: Expected;
  /** The place in the suite where it is written. */
  readonly where: Location;
  /** Behaviours whose state chose this expectation, or a size in it. */
  readonly behaviours: readonly string[];
}

/** A variant made ready for one target. */
export interface PlannedCase {
  readonly id: string;
  readonly suite: string;
  readonly rule: string;
  readonly source: readonly string[];
  readonly tags: readonly string[];
  readonly where: Location;
  /** Link kinds and capabilities it needs on the target. */
  readonly needs: readonly string[];
  /** Set when the case does not apply on this target: why. No program is run then. */
  readonly skip?: string;
  readonly program: Program;
  /** One per action of the program, in order. */
  readonly expectations: readonly Expectation[];
  /**
   * Whether the target is held to a behaviour, by name; one that is absent: nothing tells. The model needs it to predict
   * what the case does not state; without it there is no model (behaviour probes).
   */
  readonly states?: Readonly<Record<string, boolean>>;
  /** All behaviours that decided anything in this case. */
  readonly behaviours: readonly string[];
}
