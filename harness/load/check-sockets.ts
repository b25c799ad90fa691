/** Sockets and captures of a case with steps: opened before they are used, and once. */
import type { Report } from './case.ts';
import { checkExpect } from './check-expect.ts';
import { nearHint, oneOf, quote } from './problem.ts';
import type { CaseYaml } from './schema/suite.ts';
import type { Path } from './yaml-file.ts';

export function checkSockets(yaml: CaseYaml, path: Path, report: Report): void {
  const open = new Set<string>();
  const closed = new Set<string>();
  const captures = new Set<string>();
  for (const [i, step] of (yaml.steps ?? []).entries()) {
    const verb = Object.keys(step).find((key) => key !== 'expect' && key !== 'note') ?? '';
    const body = (step as Record<string, unknown>)[verb] as { socket?: string; name?: string };
    const at = [...path, 'steps', i, verb];
    if (verb === 'capture' && body.name !== undefined) {
      if (captures.has(body.name)) report([...at, 'name'], `a second capture ${quote(body.name)}`);
      captures.add(body.name);
    } else if (verb === 'packets' && body.name !== undefined) {
      if (!captures.has(body.name)) missing([...at, 'name'], 'capture', body.name, captures, report);
    } else if (verb === 'open' && body.socket !== undefined) {
      if (open.has(body.socket))
        report([...at, 'socket'], `the socket ${quote(body.socket)} is open already`);
      open.add(body.socket);
      closed.delete(body.socket);
    } else if (body.socket !== undefined) {
      if (closed.has(body.socket))
        report([...at, 'socket'], `the socket ${quote(body.socket)} is closed by then`);
      else if (!open.has(body.socket)) missing([...at, 'socket'], 'socket', body.socket, open, report);
      if (verb === 'close' && open.delete(body.socket)) closed.add(body.socket);
    }
    checkExpect(step, verb, [...path, 'steps', i, 'expect'], report);
    if ('set' in step) checkSet(step.set, at, report);
    if ('send' in step) checkMessage(step.send, at, report);
    if ('sendmmsg' in step)
      for (const [j, one] of step.sendmmsg.messages.entries())
        checkMessage(one, [...at, 'messages', j], report);
  }
}

function missing(path: Path, what: string, name: string, known: Set<string>, report: Report): void {
  const expected = known.size === 0 ? {} : { expected: oneOf(known) };
  report(path, `no ${what} ${quote(name)} has been opened`, { ...expected, ...nearHint(name, known) });
}

function checkSet(set: { value?: unknown; hex?: unknown; null?: unknown }, path: Path, report: Report): void {
  const given = (['value', 'hex', 'null'] as const).filter((key) => set[key] !== undefined);
  if (given.length !== 1)
    report(path, given.length === 0 ? 'set to what?' : `${given.join(' and ')} at once`, {
      expected: 'one of "value", "hex" and "null"',
    });
}

function checkMessage(
  message: { bytes?: unknown; iov?: unknown; control?: readonly object[] | undefined },
  path: Path,
  report: Report,
): void {
  if ((message.bytes === undefined) === (message.iov === undefined))
    report(path, 'how much is sent?', { expected: 'either "bytes" or "iov"' }, 'key');
  for (const [i, item] of (message.control ?? []).entries()) {
    const given = Object.keys(item).filter((key) => !['level', 'type', 'length'].includes(key));
    if (given.length !== 1)
      report([...path, 'control', i], 'a control message has one value', {
        expected: 'one of u8, u16, int, u64, hex and txtime',
      });
  }
}
