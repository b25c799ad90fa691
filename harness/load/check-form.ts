/** A case is written in the short form or in steps, never in both, and never in neither. */
import type { Report } from './case.ts';
import { nearHint, oneOf, quote } from './problem.ts';
import type { Axes } from './schema/common.ts';
import type { CaseYaml } from './schema/suite.ts';
import type { Path } from './yaml-file.ts';

/** Axes that mean something by themselves in the short form. */
const SHORT_AXES: Readonly<Record<string, readonly string[]>> = {
  request: ['cmsg', 'setsockopt'],
  sender: ['unconnected', 'connected', 'corked'],
};

export function checkForm(yaml: CaseYaml, axes: Axes, path: Path, report: Report): void {
  if (yaml.steps) {
    for (const key of ['send', 'expect', 'options', 'receiver'] as const) {
      if (yaml[key] !== undefined)
        report([...path, key], `"${key}" belongs to the short form, and this case has "steps"`, {}, 'key');
    }
    if (!yaml.steps.some((step) => 'expect' in step || !('open' in step || 'capture' in step)))
      report([...path, 'steps'], 'these steps check nothing', {}, 'key');
    return;
  }
  if (!yaml.send)
    report(path, 'the case does nothing', { expected: '"send" and "expect", or "steps"' }, 'key');
  if (!yaml.expect)
    report(path, 'the key "expect" is missing', { expected: 'what the send must come to' }, 'key');
  const { send, expect } = yaml;
  if (send && (send.bytes === undefined) === (send.iov === undefined))
    report([...path, 'send'], 'how much is sent?', { expected: 'either "bytes" or "iov"' }, 'key');
  for (const [i, one] of (Array.isArray(expect) ? expect : expect ? [expect] : []).entries()) {
    const at = Array.isArray(expect) ? [...path, 'expect', i] : [...path, 'expect'];
    const success = one.datagrams !== undefined || one.wire !== undefined;
    if (one.error !== undefined && success)
      report(at, 'an error and datagrams at once', { expected: '"error", or "datagrams"' });
    if (one.error === undefined && !success)
      report(at, 'nothing is expected', { expected: '"datagrams", "wire" or "error"' });
  }
  for (const [name, known] of Object.entries(SHORT_AXES)) {
    for (const [i, value] of (axes[name] ?? []).entries()) {
      if (known.includes(String(value))) continue;
      const own = yaml.axes?.[name] ? path : [];
      report([...own, 'axes', name, i], `unknown ${name} ${quote(String(value))}`, {
        expected: oneOf(known),
        ...nearHint(String(value), known),
      });
    }
  }
}
