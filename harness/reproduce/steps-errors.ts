/** errors: what is expected on a socket's error queue. */
import { ERROR_ORIGINS } from '../contract/evidence.ts';
import type { Expected, ExpectedNotice } from '../contract/expectation.ts';
import { cString } from './c-text.ts';
import type { Draft } from './draft.ts';
import { errno } from './expected.ts';
import { expectCompletions, expectNotices, readNotices } from './helpers/notices.ts';
import type { Of } from './steps-socket.ts';
import { hasWires } from './taps.ts';

/** SO_TIMESTAMPING, include/uapi/asm-generic/socket.h. */
const SCM_TIMESTAMPING = 37;

export function errors(draft: Draft, { socket, waitMs }: Of<'errors'>, expected: Expected): void {
  const { variable } = draft.socket(socket);
  draft.constants.set('SCM_TIMESTAMPING', SCM_TIMESTAMPING);
  draft.use(readNotices(hasWires(draft.planned.program.topology)));
  if ('completions' in expected) {
    const { first, last, copied } = expected.completions;
    draft.use(expectCompletions);
    draft.write(`expect_completions(${variable}, ${waitMs}, ${first}, ${last}, ${Number(copied)});`);
    return;
  }
  if (!('notices' in expected)) return draft.refuse('an error queue with nothing expected of it');
  draft.use(expectNotices);
  const { notices } = expected;
  draft.write(
    ...(notices.length === 0
      ? [`expect_notices(${variable}, ${waitMs}, NULL, 0);`]
      : [
          `expect_notices(${variable}, ${waitMs}, (struct notice[]){`,
          ...notices.map((notice) => `\t{ ${row(draft, notice).join(', ')} },`),
          `}, ${notices.length});`,
        ]),
  );
}

function row(draft: Draft, notice: ExpectedNotice): string[] {
  const { type = -1, code = -1, info = -1, data = -1, length = -1, stamped, offender } = notice;
  return [
    `.origin = ${ERROR_ORIGINS.indexOf(notice.origin)}`,
    `.err = ${errnoOf(draft, notice.errno)}`,
    `.type = ${type}, .code = ${code}, .info = ${info}, .data = ${data}, .length = ${length}`,
    `.stamped = ${stamped === undefined ? -1 : Number(stamped)}`,
    ...(offender === undefined ? [] : [`.offender = ${cString(offender)}`]),
  ];
}

function errnoOf(draft: Draft, name: string | undefined): string {
  if (name === undefined) return '-1';
  return name === 'none' ? '0' : errno(draft, name).slice(1);
}
