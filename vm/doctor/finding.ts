/** What `segproof doctor` finds, one line for people each. */
export interface Finding {
  readonly subject: string;
  /** `lacking`: guests cannot start without it. `note`: works, but worse or later than it could. */
  readonly state: 'good' | 'note' | 'lacking';
  readonly detail: string;
  /** How to mend it on this distribution; empty when there is nothing to mend. */
  readonly mend: string;
}

export const good = (subject: string, detail: string): Finding => ({
  subject,
  state: 'good',
  detail,
  mend: '',
});
export const note = (subject: string, detail: string, mend = ''): Finding => ({
  subject,
  state: 'note',
  detail,
  mend,
});
export const lacking = (subject: string, detail: string, mend: string): Finding => ({
  subject,
  state: 'lacking',
  detail,
  mend,
});
