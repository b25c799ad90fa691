/** The step that reads an error queue. */
import type { Expected, ExpectedNotice } from '../contract/expectation.ts';
import type { ErrorItem } from '../load/schema/expect.ts';
import type { StepOf } from '../load/schema/steps.ts';
import type { Path } from '../load/yaml-file.ts';
import { choose } from './alternatives.ts';
import type { Build, OpenSocket } from './build.ts';
import { expected } from './steps-socket.ts';

const MAX = 2 ** 32 - 1;
const MAX_NOTICES = 1024;
const WAIT_MS = 500;
/** SCM_TSTAMP_*, include/uapi/linux/errqueue.h. */
const STAMPS = { snd: 0, sched: 1 } as const;

export function errors(build: Build, step: StepOf<'errors'>, path: Path): void {
  const { scope } = build;
  const at = [...path, 'errors'];
  const socket = build.socket(step.errors.socket, [...at, 'socket']);
  const waitMs =
    step.errors.wait === undefined ? WAIT_MS : scope.int(step.errors.wait, [...at, 'wait'], 0, 10_000);
  const chosen = choose(step.expect, [...path, 'expect'], build.theCase, scope, path);
  const { expect } = chosen;
  let success: Expected;
  let want: number;
  if (expect?.completions) {
    const here = [...chosen.path, 'completions'];
    const first = scope.int(expect.completions.first, [...here, 'first'], 0, MAX);
    const last = scope.int(expect.completions.last, [...here, 'last'], first, first + MAX_NOTICES);
    const copied = scope.condition(expect.completions.copied, [...here, 'copied']);
    success = { completions: { first, last, copied } };
    want = last - first + 1;
  } else {
    const notices = (expect?.errors ?? []).flatMap((item, i) => {
      const here = [...chosen.path, 'errors', i];
      const repeat =
        item.repeat === undefined ? 1 : scope.int(item.repeat, [...here, 'repeat'], 0, MAX_NOTICES);
      return Array.from({ length: repeat }, () => notice(build, socket, item, here));
    });
    success = { notices };
    want = notices.length;
  }
  const error = expect?.error === undefined ? undefined : scope.word(expect.error, [...chosen.path, 'error']);
  build.push(
    { do: 'errors', socket: socket.name, want, waitMs },
    expected({ error }, success),
    chosen.where,
    scope.behaviours,
  );
}

function notice(build: Build, { family }: OpenSocket, item: ErrorItem, path: Path): ExpectedNotice {
  const { scope } = build;
  const number = (key: 'type' | 'code' | 'info' | 'data' | 'bytes', most = MAX): number | undefined => {
    const size = item[key];
    return size === undefined ? undefined : scope.int(size, [...path, key], 0, most);
  };
  const offender =
    item.offender === undefined
      ? undefined
      : build.endpoint({ to: scope.word(item.offender, [...path, 'offender']), port: null }, family, 0, [
          ...path,
          'offender',
        ]).address;
  const fields = {
    errno: item.errno === undefined ? undefined : scope.word(item.errno, [...path, 'errno']),
    type: number('type', 255),
    code: number('code', 255),
    info: item.stamp === undefined ? number('info') : STAMPS[item.stamp],
    data: number('data'),
    length: number('bytes'),
    offender,
    stamped: item.stamp === undefined ? undefined : true,
  };
  const stated = Object.entries(fields).filter(([, value]) => value !== undefined);
  return { origin: item.origin, ...(Object.fromEntries(stated) as Omit<ExpectedNotice, 'origin'>) };
}
