/** Finds kernel trouble in log lines: what it is and a fingerprint that survives addresses and offsets. */

/**
 * Console patterns of trouble. Sources: lib/bug.c (`WARNING:`, `kernel BUG at`), arch oops texts (`BUG:`, `Oops`,
 * `general protection fault`), kernel/panic.c, kernel/watchdog.c (soft lockup), kernel/hung_task.c, kernel/rcu/tree_stall.h,
 * mm/kasan, kernel/kcsan, lib/ubsan.c, net/core/dev.c (`unregister_netdevice: waiting for`), lib/ref_tracker.c, mm/kmemleak.c.
 */
const PATTERNS: readonly (readonly [kind: string, pattern: RegExp])[] = [
  ['panic', /Kernel panic - not syncing/],
  ['oops', /\bOops\b|general protection fault|unable to handle (?:kernel|page fault)|invalid opcode:/i],
  ['kasan', /BUG: KASAN:/],
  ['kcsan', /BUG: KCSAN:/],
  ['kmsan', /BUG: KMSAN:/],
  ['kfence', /BUG: KFENCE:/],
  ['lockup', /watchdog: BUG: (?:soft|hard) lockup|Watchdog detected hard LOCKUP/],
  ['bug', /kernel BUG at|\bBUG: /],
  ['warning', /\bWARNING: CPU: \d+|\bWARNING: .*\bat .*:\d+/],
  ['bad-offload', /caps=\(0x[0-9a-f]+.*skb_warn_bad_offload|skb_warn_bad_offload/],
  ['ubsan', /UBSAN: /],
  ['hung-task', /INFO: task .* blocked for more than/],
  ['rcu-stall', /rcu: INFO: .*(?:stall|detected)|rcu_\w+ (?:self-)?detected stall/],
  ['lockdep', /possible (?:circular|recursive) locking|suspicious RCU usage|inconsistent lock state/],
  [
    'leaked-reference',
    /unregister_netdevice: waiting for .* to become free|ref_tracker: .* has .* users|unreferenced object 0x/,
  ],
];

export interface Splat {
  readonly kind: string;
  /** The line that matched, without its time stamp. */
  readonly line: string;
  /** Kind and the first five symbols of the trace. */
  readonly fingerprint: string;
}

/** The first trouble in these lines, or null. */
export function findSplat(lines: readonly string[]): Splat | null {
  for (const [i, raw] of lines.entries()) {
    const line = withoutStamp(raw);
    const hit = PATTERNS.find(([, pattern]) => pattern.test(line));
    if (hit)
      return { kind: hit[0], line, fingerprint: [hit[0], ...symbols(lines.slice(i, i + 80))].join(' ') };
  }
  return null;
}

/** The taint bits that mean trouble: W(9) warning, D(7) died, L(14) lockup, B(5) bad page (Documentation/admin-guide/tainted-kernels.rst). */
const TROUBLE = (1 << 9) | (1 << 7) | (1 << 14) | (1 << 5);

/** Trouble bits that are set after but not before; 0 when none. */
export function newTaint(before: number, after: number): number {
  return after & ~before & TROUBLE;
}

function withoutStamp(line: string): string {
  return line.replace(/^(?:<\d+>)?\[\s*\d+\.\d+\](?:\[[^\]]*\])?\s*/, '');
}

function symbols(lines: readonly string[]): string[] {
  const names: string[] = [];
  for (const line of lines) {
    const symbol = /(?:RIP: \d+:|\s|^)\??\s?([A-Za-z_][\w.]*)\+0x[0-9a-f]+\/0x[0-9a-f]+/.exec(
      withoutStamp(line),
    )?.[1];
    if (symbol !== undefined && !names.includes(symbol)) names.push(symbol);
    if (names.length === 5) break;
  }
  return names;
}
