/** Performs actions. What a system call says is evidence; only what the agent itself cannot do is an exception. */
import type { AgentStep, StepEvidence } from '../contract/evidence.ts';
import type { Action } from '../contract/program.ts';
import type { Case } from './case.ts';
import { NO_COUNTERS, difference, readCounters } from './counters.ts';
import { capture, packets } from './step-capture.ts';
import { errors } from './step-errors.ts';
import { change } from './step-change.ts';
import { inject } from './step-inject.ts';
import { receive } from './step-receive.ts';
import { send } from './step-send.ts';
import { bind, close, connect, get, open, queue, set } from './step-socket.ts';

export function perform(run: Case, action: Action): AgentStep {
  switch (action.do) {
    case 'open':
      return open(run, action);
    case 'bind':
      return bind(run, action);
    case 'connect':
      return connect(run, action);
    case 'set':
      return set(run, action);
    case 'get':
      return get(run, action);
    case 'send':
      return send(run, action);
    case 'receive':
      return receive(run, action);
    case 'errors':
      return errors(run, action);
    case 'close':
      return close(run, action);
    case 'queue':
      return queue(run, action);
    case 'counters':
      return counters(run, action);
    case 'inject':
      return inject(run, action);
    case 'change':
      return change(run, action.change);
    case 'capture':
      return capture(run, action);
    case 'packets':
      return packets(run, action);
  }
}

function counters(run: Case, action: Extract<Action, { do: 'counters' }>): StepEvidence {
  run.topology.enter(action.ns);
  const before = run.countersBefore.get(action.ns) ?? NO_COUNTERS;
  const changed = difference(action.names, before, readCounters());
  const own = run.ownCounts.get(action.ns);
  const counted = Object.entries(changed).map(
    ([name, delta]) => [name, delta - (own?.get(name) ?? 0)] as const,
  );
  const text = counted.map(([name, delta]) => `${name} +${delta}`).join(', ');
  return { ret: 0, counters: Object.fromEntries(counted), calls: [`${action.ns}: /proc/net/snmp: ${text}`] };
}
