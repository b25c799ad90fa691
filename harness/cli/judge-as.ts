import { parseVersion } from '../plan/version.ts';
import { EXIT, UserError } from './exit.ts';

/** Ends the command when --judge-as names no kernel version. */
export function requireVersion(version: string | undefined): void {
  if (version === undefined || parseVersion(version)) return;
  throw new UserError(
    EXIT.usage,
    `--judge-as ${JSON.stringify(version)} is no kernel version`,
    'give one such as 7.3, 6.12.95 or 7.4-rc2',
  );
}
