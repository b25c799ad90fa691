import t from 'tap';
import { select } from './select.ts';

const items = [
  { id: 'udp-gso/limits/max[family=ipv4,mtu=1500]', tags: ['table'] },
  { id: 'udp-gso/limits/max[family=ipv6,mtu=1500]', tags: [] },
  { id: 'udp-gso/limits/max-plus-one', tags: [] },
  { id: 'udp-gro/socket/cmsg', tags: ['gro'] },
];
const ids = (...patterns: string[]): string[] => select(items, patterns).map((item) => item.id);

t.test('ids, paths above them, stars and tags select; no pattern selects all', (t) => {
  t.equal(ids().length, 4);
  t.same(ids('udp-gso/limits/max[family=ipv6,mtu=1500]'), ['udp-gso/limits/max[family=ipv6,mtu=1500]']);
  t.equal(ids('udp-gso/limits/max').length, 2, 'a case means its variants, not its namesakes');
  t.equal(ids('udp-gso').length, 3);
  t.equal(ids('udp-gso/').length, 3);
  t.same(ids('*family=ipv4*'), ['udp-gso/limits/max[family=ipv4,mtu=1500]']);
  t.same(ids('@gro', 'udp-gso/limits/max-plus-one'), ['udp-gso/limits/max-plus-one', 'udp-gro/socket/cmsg']);
  t.end();
});

t.test('a pattern without a match is refused with what comes near it', (t) => {
  t.throws(() => ids('udp-gso/limit'), /did you mean udp-gso\/limits\?/);
  t.throws(() => ids('udp-gso', '@gor'), /did you mean @gro\?/);
  t.throws(() => ids('zzzzzzzzzzzz'), /no case matches/);
  t.end();
});
