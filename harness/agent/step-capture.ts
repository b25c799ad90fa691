/** capture, packets. */
import type { AgentStep, StepEvidence } from '../contract/evidence.ts';
import type { Action } from '../contract/program.ts';
import { Capture } from './capture.ts';
import type { Case } from './case.ts';

/**
 * Closing a packet socket waits for an RCU grace period, tens of milliseconds. So captures stay with the topology, and are
 * only closed when a case comes that wants none: a tap changes what the kernel does (it clones packets).
 */
export const CAPTURE_KEY = 'capture ';

export function capture(run: Case, action: Extract<Action, { do: 'capture' }>): StepEvidence {
  const { ns, dev, port } = action;
  const make = (): Capture => {
    const index = run.topology.index(ns, dev);
    run.topology.enter(ns);
    return new Capture(run.own, { index, loopback: dev === 'lo' });
  };
  const made = run.topology.keep(ns, `${CAPTURE_KEY}${dev}`, make, (old, ending) => {
    if (ending) old.closeInBackground();
    else old.close();
  });
  made.start(port);
  run.captures.set(action.capture, made);
  return { ret: 0, calls: [`${ns}: capture on ${dev}, udp port ${port} = 0`] };
}

export function packets(run: Case, action: Extract<Action, { do: 'packets' }>): AgentStep {
  const source = run.captures.get(action.capture);
  if (!source) throw new RangeError(`no capture ${action.capture} was started`);
  const frames = source.frames(run.ledger, run.origin);
  const slackMs = run.launches ? { slackMs: run.slackMs } : {};
  return { ret: frames.length, frames, drops: source.drops(), calls: [], ...slackMs };
}
