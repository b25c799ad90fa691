/** Turns a case's steps into actions and what is expected of them. */
import type { Step } from '../load/schema/steps.ts';
import type { Path } from '../load/yaml-file.ts';
import type { Build } from './build.ts';
import * as changes from './steps-change.ts';
import { errors } from './steps-errors.ts';
import { inject, tooBig } from './steps-inject.ts';
import * as data from './steps-data.ts';
import * as sockets from './steps-socket.ts';

export function planSteps(build: Build, steps: readonly Step[], path: Path): void {
  for (const [i, step] of steps.entries())
    build.scope.collect(() => {
      planStep(build, step, [...path, i]);
    });
}

function planStep(build: Build, step: Step, path: Path): void {
  if ('open' in step) sockets.open(build, step, path);
  else if ('bind' in step) sockets.bind(build, step, path);
  else if ('connect' in step) sockets.connect(build, step, path);
  else if ('set' in step) sockets.set(build, step, path);
  else if ('get' in step) sockets.get(build, step, path);
  else if ('close' in step) sockets.close(build, step, path);
  else if ('errors' in step) errors(build, step, path);
  else if ('inject' in step) inject(build, step, path);
  else if ('too_big' in step) tooBig(build, step, path);
  else if ('queue' in step) sockets.queue(build, step, path);
  else if ('send' in step) data.send(build, step, path);
  else if ('sendmmsg' in step) data.sendmmsg(build, step, path);
  else if ('receive' in step) data.receive(build, step, path);
  else if ('capture' in step) data.capture(build, step, path);
  else if ('packets' in step) data.readPackets(build, step, path);
  else if ('counters' in step) data.counters(build, step, path);
  else if ('link' in step) changes.link(build, step, path);
  else if ('sysctl' in step) changes.sysctl(build, step, path);
  else if ('route' in step) changes.route(build, step, path);
  else changes.xfrm(build, step, path);
}
