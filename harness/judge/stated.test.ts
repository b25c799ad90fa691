import t from 'tap';
import type { Datagram, Packet } from '../contract/evidence.ts';
import type { ExpectedDatagram } from '../contract/expectation.ts';
import { hasControl, showControl } from './received-control.ts';
import { misstated } from './stated.ts';

const payload = [{ stream: 0, at: 0, length: 100 }];

t.test('a control message that was asked for must come along once, with its bytes; others may', (t) => {
  const mark = { level: 'SOL_SOCKET', type: 'SO_MARK', hex: '07000000' };
  const want: ExpectedDatagram = { length: 100, payload, gro: null, flags: [], control: [mark] };
  const got = (...control: Datagram['control'][number][]): Datagram => ({
    ...{ length: 100, payload, from: '10.0.0.1:4000', flags: [] },
    control,
  });
  const seen = { ...mark, length: 4, int: 7 };
  const stamp = { level: 'SOL_SOCKET', type: 'SO_TIMESTAMPNS', length: 16, hex: '00'.repeat(16) };
  t.ok(hasControl(want, got(seen)));
  t.ok(hasControl(want, got(stamp, seen)));
  t.notOk(hasControl(want, got()));
  t.notOk(hasControl(want, got({ ...seen, hex: '09000000' })));
  t.notOk(hasControl(want, got({ ...seen, hex: '07' })));
  t.notOk(hasControl(want, got(seen, seen)));
  t.equal(showControl(want), 'SO_MARK 7');
  t.equal(showControl(got({ ...seen, hex: '07' }, seen)), 'SO_MARK 0x07, SO_MARK 7');
  t.equal(showControl(got()), 'none');
  t.end();
});

t.test('the priority of a VLAN tag is compared, and is 0 where there is no tag', (t) => {
  const packet = (tag: string): Packet => ({
    direction: 'out',
    family: 'ipv4',
    checksum: 'good',
    ...{ gso: 'none', gsoSize: 0, partialChecksum: false, ipLength: 128, udpLength: 108, payload },
    ...{ ttl: 64, tos: 0, from: '10.0.0.1:4000', to: '10.0.0.1:9000' },
    head: `020000000001020000000002${tag}0800`,
  });
  const wants = [{ payload, priority: 3 }];
  t.equal(misstated(wants, [packet('81006005')]), null);
  t.same(misstated(wants, [packet('81000005')]), {
    expected: '0: VLAN priority 3',
    actual: '0: VLAN priority 0',
  });
  t.ok(misstated(wants, [packet('')]));
  t.equal(misstated([{ payload, priority: 0 }], [packet('')]), null);
  t.end();
});
