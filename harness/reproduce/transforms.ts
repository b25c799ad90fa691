/** Transforms: an ESP state and a policy that demands it. */
import { cString } from './c-text.ts';
import type { Draft } from './draft.ts';
import { must, mustOrSkip } from './helpers/namespaces.ts';

/** A policy alone makes a blackhole route, on which a GSO send is no error. */
export function printTransform(draft: Draft, from: string, to: string): void {
  draft.use(must, mustOrSkip);
  const ends = `src ${from} dst ${to}`;
  const key = cString('""').slice(1, -1);
  draft.write(
    `must_or_skip("ip xfrm state add ${ends} proto esp spi 0x5e9 reqid 1 mode transport"`,
    `	     " auth digest_null ${key} enc ecb(cipher_null) ${key}");`,
    `must("ip xfrm policy add ${ends} dir out tmpl ${ends} proto esp reqid 1 mode transport");`,
  );
}

/** In a namespace of its own, for a case that needs them and adds none itself, as one with a socket that takes ESP. */
export function printTransformProbe(draft: Draft): void {
  const { actions } = draft.planned.program;
  if (actions.some((action) => action.do === 'change' && action.change.kind === 'xfrm')) return;
  draft.write('new_namespace();');
  printTransform(draft, '192.0.2.1', '192.0.2.2');
}
