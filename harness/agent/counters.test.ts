import { readFileSync } from 'node:fs';
import t from 'tap';
import { counter, difference, NO_COUNTERS, readCounters } from './counters.ts';

const SNMP = 'Ip: Forwarding InReceives\nIp: 1 20\nUdp: InDatagrams OutDatagrams\nUdp: 7 5\n';
const NETSTAT = 'TcpExt: Syncookies\nTcpExt: 9\nIpExt: InOctets\nIpExt: 12\n';
const SNMP6 =
  'Ip6InReceivesLong                 \t3\nIp6InReceives                    \t41\nUdp6OutDatagrams\t6\n';
const made = { tables: [SNMP, NETSTAT], lists: [SNMP6] };

t.test('a counter is found by its whole name', (t) => {
  const names = ['IpInReceives', 'UdpOutDatagrams', 'IpExtInOctets', 'Ip6InReceives', 'Udp6OutDatagrams'];
  t.same(
    names.map((name) => counter(made, name)),
    [20, 5, 12, 41, 6],
  );
  for (const none of ['Udp', 'UdpIn', 'InReceives', 'Ip6InReceive', 'Udp6.*', ''])
    t.equal(counter(made, none), undefined, none);
  t.end();
});

t.test("each of the kernel's own counters is found, with the number in its file", (t) => {
  const real = readCounters();
  let found = 0;
  for (const path of ['/proc/net/snmp', '/proc/net/netstat']) {
    const lines = readFileSync(path, 'latin1').trim().split('\n');
    for (let at = 0; at < lines.length; at += 2) {
      const [prefix = '', ...names] = (lines[at] ?? '').split(' ');
      for (const name of names.filter((one) => one !== ''))
        if (counter(real, prefix.replace(':', name)) !== undefined) found++;
        else t.fail(`${prefix} ${name}`);
    }
  }
  t.ok(found > 100);
  t.end();
});

t.test('a difference names a counter that the kernel has not', (t) => {
  t.same(difference(['UdpInDatagrams'], NO_COUNTERS, made), { UdpInDatagrams: 7 });
  t.throws(() => difference(['UdpNever'], made, made), /this kernel has no counter UdpNever/);
  t.end();
});
