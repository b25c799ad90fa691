/** Flags of a send: those that mean nothing to UDP, and the one that keeps what is sent on a link. */
import t from 'tap';
import type { Route } from '../contract/topology.ts';
import { inScope } from './policy.ts';
import { objection, read, said, steps } from './test-steps.ts';

const GATEWAY = 'udp-gso/send-flags/behind-a-gateway';

t.test('asked not to route, IPv4 has no way to what is behind a gateway, by flag or option', (t) => {
  const all = steps(`${GATEWAY}[family=ipv4,gso=100]`, '6.18.9', ['send', 'receive']);
  t.strictSame(all.map(said), ['-1 ENETUNREACH', '-1 ENETUNREACH', '50', '-1 ENETUNREACH', [50]]);
  const [first, , , , last] = all;
  if (!first || !last) throw new Error('there are as many steps');
  t.equal(objection(first, { ret: -1, errno: 'ENETUNREACH' }), null);
  t.match(objection(first, { ret: 250 }), /ENETUNREACH, got 250/u, 'it went through');
  t.match(objection(first, { ret: -1, errno: 'EHOSTUNREACH' }), /got -1 EHOSTUNREACH/u);
  t.equal(objection(last, read(last)), null);
  t.match(
    objection(
      last,
      read(last, (list) => [...list, ...list]),
    ),
    /1: none, got 1: 50 bytes/u,
  );
  t.end();
});

t.test('IPv6 goes as ever, and so does IPv4 on a link', (t) => {
  const far = steps(`${GATEWAY}[family=ipv6,gso=100]`, '6.18.9', ['send']);
  t.strictSame(far.map(said), ['250', '150', '50', '210']);
  for (const flag of ['MSG_DONTROUTE', 'MSG_EOR']) {
    const near = steps(`udp-gso/send-flags/by-address[family=ipv4,flag=${flag},uso=false]`, '6.18.9', [
      'send',
    ]);
    t.strictSame(near.map(said), ['250', '90', '150', '50', '2'], flag);
    for (const step of near)
      t.ok(objection(step, { ret: -1, errno: 'ENETUNREACH' }), `${flag}: a refusal is found`);
  }
  t.end();
});

t.test('a route on the link counts where a longer prefix leads to a gateway', (t) => {
  const routes: Route[] = [
    { to: '10.9.0.0/24', dev: 'far', via: '10.0.0.2' },
    { to: '10.0.0.0/8', dev: 'near' },
  ];
  const by = { mark: 0, tos: 0, bound: '' };
  const devices = (family: 'ipv4' | 'ipv6', onLink: boolean): string[] =>
    inScope(routes, family, { ...by, onLink }).map(({ dev }) => dev);
  t.strictSame(devices('ipv4', true), ['near']);
  t.strictSame(devices('ipv4', false), ['far', 'near']);
  t.strictSame(devices('ipv6', true), ['far', 'near']);
  t.end();
});
