import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { RunEvent } from '../contract/result.ts';
import { Past } from './past.ts';

t.test('what took long per case begins first the next time, what is unknown before all', (t) => {
  const file = join(t.testdir(), 'deep/durations.json');
  let ms = 0;
  const past = new Past(file, () => ms);
  const same = (name: string): string => name;
  t.same(past.order(['a', 'b'], same), ['a', 'b'], 'nothing is known: the order asked for');
  const machine = (target: string, state: 'booting' | 'done'): void => {
    past.event({ type: 'machine', target, state, detail: '' });
  };
  const end = (target: string): void => {
    past.event({ type: 'case-end', result: { target } } as RunEvent);
  };
  machine('a', 'booting');
  machine('b', 'booting');
  for (const target of ['a', 'a', 'b', 'b', 'b']) end(target);
  ms = 100;
  machine('a', 'done');
  ms = 900;
  machine('b', 'done');
  past.save();
  t.same(JSON.parse(readFileSync(file, 'utf8')), { a: 50, b: 300 });
  t.same(new Past(file).order(['a', 'b', 'c'], same), ['c', 'b', 'a']);
  writeFileSync(file, '{"a":');
  t.same(new Past(file).order(['a', 'b'], same), ['a', 'b'], 'a damaged file says nothing');
  t.end();
});
