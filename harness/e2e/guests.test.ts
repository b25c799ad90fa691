import { join } from 'node:path';
import t from 'tap';
import { noGuests } from '../../vm/fixtures/no-guests.ts';
import { results, scratch, segproof, surprises } from './segproof.ts';

const options = { skip: await noGuests() };

t.test('every case comes out as expected on two kernels in guests', options, async (t) => {
  const { folder, remove } = scratch();
  t.teardown(remove);
  const dir = join(folder, 'r');
  const { exit } = await segproof('run', '--kernel', '6.1', '--kernel', '6.12', '-o', dir, '--format', 'tap');
  t.same(surprises(dir), []);
  t.equal(exit, 0);
  const targets = new Set(
    results(dir)
      .filter(({ outcome }) => outcome === 'pass')
      .map(({ target }) => target),
  );
  t.same([...targets].sort(), ['6.1', '6.12']);
});

t.test('judged as 7.3, 6.1 fails for what it lacks and names the commits', options, async (t) => {
  const { folder, remove } = scratch();
  t.teardown(remove);
  const dir = join(folder, 'r');
  const { exit } = await segproof(
    'run',
    '--kernel',
    '6.1',
    '--judge-as',
    '7.3',
    '-o',
    dir,
    '--format',
    'tap',
    '@selftest',
  );
  t.equal(exit, 1);
  const failed = results(dir).filter(({ outcome }) => outcome === 'fail');
  t.ok(failed.length > 0);
  for (const { id, reason, missing } of failed) {
    t.match(reason, /EIO/, id);
    t.ok(
      missing.length > 0 && missing.every(({ commit }) => /^[0-9a-f]{12}$/.test(commit)),
      `${id} names the missing commit`,
    );
    t.match(id, /hop-by-hop|csum=false/, 'only extension headers and missing checksum offload');
  }
});
