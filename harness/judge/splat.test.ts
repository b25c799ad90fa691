import fc from 'fast-check';
import t from 'tap';
import { findSplat, newTaint } from './splat.ts';

/** Log texts by the kind of trouble they tell of; made up, in the words of the kernel's format strings. */
const REPORTS: readonly (readonly [
  kind: string,
  grave: boolean,
  symbols: string,
  lines: readonly string[],
])[] = [
  [
    'panic',
    true,
    'sysrq_handle_crash __handle_sysrq write_sysrq_trigger',
    [
      'Kernel panic - not syncing: sysrq triggered crash',
      'CPU: 1 PID: 77 Comm: node Not tainted 6.1.0-9-amd64 #1',
      'Call Trace:',
      ' <TASK>',
      ' dump_stack_lvl+0x44/0x5c',
      ' panic+0x118/0x2ed',
      ' ? _printk+0x58/0x73',
      ' sysrq_handle_crash+0x16/0x20',
      ' __handle_sysrq.cold+0x48/0x10a',
      ' write_sysrq_trigger+0x28/0x40',
      ' do_syscall_64+0x55/0xb0',
      ' </TASK>',
      '---[ end Kernel panic - not syncing: sysrq triggered crash ]---',
    ],
  ],
  [
    'oops',
    true,
    '__udp_gso_segment udp4_ufo_fragment',
    [
      'BUG: unable to handle page fault for address: ffff8880deadbeef',
      '#PF: supervisor read access in kernel mode',
      'Oops: 0000 [#1] PREEMPT SMP PTI',
      'RIP: 0010:__udp_gso_segment+0x1a3/0x5d0',
      'Call Trace:',
      ' <TASK>',
      ' ? __die+0x23/0x70',
      ' udp4_ufo_fragment+0x12/0x1b0',
    ],
  ],
  [
    'oops',
    true,
    'skb_segment',
    ['general protection fault, probably for non-canonical address 0xdead', 'RIP: 0010:skb_segment+0x1/0x2'],
  ],
  [
    'bug',
    true,
    'skb_panic skb_push',
    ['kernel BUG at net/core/skbuff.c:192!', 'RIP: 0010:skb_panic+0x4e/0x50', ' skb_push+0x3f/0x40'],
  ],
  ['bug', true, '', ['BUG: Bad page state in process node  pfn:12345']],
  [
    'warning',
    false,
    'skb_warn_bad_offload __skb_gso_segment',
    [
      'WARNING: CPU: 0 PID: 9 at net/core/dev.c:3257 skb_warn_bad_offload+0xb4/0x110',
      ' __skb_gso_segment+0xaa/0x140',
    ],
  ],
  [
    'warning',
    false,
    'refcount_warn_saturate',
    ['WARNING: lib/refcount.c:28 at refcount_warn_saturate+0xba/0x110, CPU#1: node/12'],
  ],
  ['bad-offload', false, '', ['sink: caps=(0x00000000, 0x00000000) skb_warn_bad_offload']],
  [
    'lockup',
    true,
    'udp_lib_get_port',
    ['watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [node:123]', 'RIP: 0010:udp_lib_get_port+0x4/0x200'],
  ],
  [
    'lockup',
    true,
    'native_queued_spin_lock_slowpath',
    [
      'watchdog: Watchdog detected hard LOCKUP on cpu 1',
      'RIP: 0010:native_queued_spin_lock_slowpath+0x6/0x10',
    ],
  ],
  [
    'hung-task',
    true,
    'rtnl_lock netdev_run_todo',
    [
      'INFO: task kworker/u4:1:33 blocked for more than 120 seconds.',
      'Call Trace:',
      ' __schedule+0x1/0x2',
      ' schedule+0x1/0x2',
      ' rtnl_lock+0x1/0x2',
      ' netdev_run_todo+0x1/0x2',
    ],
  ],
  ['rcu-stall', true, '', ['rcu: INFO: rcu_preempt self-detected stall on CPU']],
  ['rcu-stall', true, '', ['INFO: rcu_sched detected stalls on CPUs/tasks:']],
  [
    'kasan',
    true,
    'udp_gro_receive napi_gro_complete',
    [
      'BUG: KASAN: slab-use-after-free in udp_gro_receive+0x1/0x2',
      'Read of size 8 at addr ffff by task x/1',
      ' dump_stack+0x1/0x2',
      ' print_report+0x1/0x2',
      ' kasan_report+0x1/0x2',
      ' napi_gro_complete.isra.0+0x1/0x2',
    ],
  ],
  ['kcsan', false, 'udp_sendmsg udpv6_sendmsg', ['BUG: KCSAN: data-race in udp_sendmsg / udpv6_sendmsg']],
  ['kmsan', false, 'udp_gro_complete', ['BUG: KMSAN: uninit-value in udp_gro_complete+0x1/0x2']],
  ['kfence', true, 'skb_release_data', ['BUG: KFENCE: use-after-free read in skb_release_data+0x1/0x2']],
  [
    'ubsan',
    false,
    'udp_cmsg_send',
    [
      'UBSAN: shift-out-of-bounds in net/ipv4/udp.c:1:2',
      ' __ubsan_handle_shift_out_of_bounds+0x1/0x2',
      ' udp_cmsg_send+0x1/0x2',
    ],
  ],
  ['lockdep', false, '', ['WARNING: possible circular locking dependency detected']],
  [
    'leaked-reference',
    false,
    '',
    ['unregister_netdevice: waiting for veth0 to become free. Usage count = 2'],
  ],
  [
    'leaked-reference',
    false,
    'ip6_pol_route',
    ['ref_tracker: dummy0@ffff has 1/2 users at', '     ip6_pol_route+0x1/0x2'],
  ],
];

const PREFIXES = ['', '<4>', '[   12.345678] ', '<1>[    0.000001][   T12] '];

t.test('every kind of trouble is found behind every kind of prefix, with its first functions', (t) => {
  for (const [kind, grave, symbols, lines] of REPORTS)
    for (const prefix of PREFIXES)
      t.match(
        findSplat(['systemd[1]: started', ...lines].map((line) => `${prefix}${line}`)),
        { kind, grave, line: lines[0], fingerprint: [kind, symbols].filter(Boolean).join(' ') },
        `${kind}: ${lines[0]}`,
      );
  t.end();
});

t.test('the fingerprint does not change with addresses, offsets, compilers or time', (t) => {
  fc.assert(
    fc.property(
      fc.nat(0xffff),
      fc.nat(0xffff),
      fc.constantFrom('', '.isra.0', '.constprop.12', '.cold'),
      (a, b, clone) => {
        const log = [
          `[${a}.${String(b).padStart(6, '0')}] Oops: 0000 [#1]`,
          `RIP: 0010:udp_gso${clone}+0x${a.toString(16)}/0x${b.toString(16)}`,
        ];
        return findSplat(log)?.fingerprint === 'oops udp_gso';
      },
    ),
  );
  t.end();
});

t.test('everyday lines are no trouble', (t) => {
  for (const line of [
    'Loading of unsigned module warning: none',
    'debug: BUGS are not here',
    'random: crng init done',
    'Command line: oops=panic panic_on_warn console=ttyS0 BUG: ',
    'Kernel command line: Oops: x',
    'dummy0: entered promiscuous mode',
    'Warning: unable to open an initial console',
    'rcu: Hierarchical RCU implementation.',
    'clocksource: timekeeping watchdog on CPU1: hpet wd-wd read-back delay',
  ])
    t.equal(findSplat([`<6>[ 1.000000] ${line}`]), null, line);
  t.end();
});

t.test('new trouble flags of the taint are named, others are none of ours', (t) => {
  t.same(newTaint(0, 1 << 9), ['W (warning)']);
  t.same(newTaint(1 << 9, 1 << 9), []);
  t.same(newTaint(0, (1 << 7) | (1 << 14) | (1 << 5)), ['B (bad page)', 'D (died)', 'L (lockup)']);
  t.same(newTaint(0, 1 << 12), [], 'a module from elsewhere');
  t.end();
});
