import tap from 'tap';
import { localRoutes } from './local-routes.ts';

const zero = '0'.repeat(32);
const line = (address: string, length: string, flags: string): string =>
  `${address} ${length} ${zero} 00 ${zero} 00000100 00000001 00000000 ${flags}       lo`;

void tap.test('only host routes marked local deliver an address', (t) => {
  const one = `fd${'0'.repeat(29)}1`;
  const two = `fd${'0'.repeat(29)}2`;
  const table = [line(one, '80', '80200001'), line(two, '80', '00200200'), line(two, '40', '80200001')].join(
    '\n',
  );
  t.same([...localRoutes(`${table}\n`)], [one]);
  t.same([...localRoutes('')], []);
  t.end();
});
