/** A failure that somebody knows of: it is expected until a date, and no longer. */
import type { Location, Outcome } from './result.ts';

export interface KnownIssue {
  /** Ids, paths above them, `*` patterns. */
  readonly cases: readonly string[];
  /** Targets by name, `*` for any text; absent: all. */
  readonly targets?: readonly string[] | undefined;
  /** First upstream version that has the issue. */
  readonly from?: string | undefined;
  /** First upstream version that no longer has it. */
  readonly before?: string | undefined;
  readonly outcome: Extract<Outcome, 'fail' | 'crash' | 'timeout' | 'error'>;
  /** Beginning of the crash's fingerprint. */
  readonly fingerprint?: string | undefined;
  /** It does not always show: a pass is no surprise. */
  readonly intermittent?: boolean | undefined;
  readonly reason: string;
  readonly link: string;
  /** Last day on which it is expected, `2027-03-31`. */
  readonly expires: string;
  readonly where: Location;
}
