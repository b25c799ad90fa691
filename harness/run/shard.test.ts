import fc from 'fast-check';
import t from 'tap';
import { inShard, parseShard, shardFromEnvironment } from './shard.ts';

t.test('every case is in exactly one shard, whatever the others are', (t) => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 50 }), (id, count) => {
      const shards = Array.from({ length: count }, (_, i) => ({ index: i + 1, count }));
      return shards.filter((shard) => inShard(id, shard)).length === 1;
    }),
  );
  t.equal(
    inShard('udp-gso/limits/a[family=ipv4]', { index: 1, count: 4 }),
    true,
    'the same in every version',
  );
  t.end();
});

t.test('shards are of like size', (t) => {
  const all = Array.from({ length: 1000 }, (_, i) => `s/c-${i}`);
  const sizes = [1, 2, 3, 4].map((index) => all.filter((id) => inShard(id, { index, count: 4 })).length);
  t.ok(
    sizes.every((size) => size > 200 && size < 300),
    sizes.join(' '),
  );
  t.end();
});

t.test('what is no shard is refused', (t) => {
  for (const text of ['', '1', '0/3', '4/3', '1/0', 'a/b', '1/3/5', '-1/3', '1.5/3', ' 1/3', '1/99999'])
    t.throws(() => parseShard(text), /is no shard: write i\/n/, text);
  t.same(parseShard('3/3'), { index: 3, count: 3 });
  t.end();
});

t.test("CI systems' variables are read, each counting from its own first number", (t) => {
  t.match(shardFromEnvironment({ CI_NODE_INDEX: '2', CI_NODE_TOTAL: '5' }), {
    index: 2,
    count: 5,
    by: /GitLab/,
  });
  t.match(shardFromEnvironment({ CIRCLE_NODE_INDEX: '0', CIRCLE_NODE_TOTAL: '3' }), { index: 1, count: 3 });
  t.match(shardFromEnvironment({ BUILDKITE_PARALLEL_JOB: '2', BUILDKITE_PARALLEL_JOB_COUNT: '3' }), {
    index: 3,
    count: 3,
  });
  t.equal(shardFromEnvironment({}), null);
  t.equal(shardFromEnvironment({ CI_NODE_INDEX: '', CI_NODE_TOTAL: '5' }), null);
  t.equal(
    shardFromEnvironment({ CIRCLE_NODE_INDEX: '0', CIRCLE_NODE_TOTAL: '1' }),
    null,
    'one worker: everything',
  );
  t.throws(() => shardFromEnvironment({ CI_NODE_INDEX: '9', CI_NODE_TOTAL: '5' }), /CI_NODE_INDEX=9/);
  t.end();
});
