/** Finds kernel trouble in log lines: what it is, and a fingerprint that survives addresses, offsets and builds. */
import { traceSymbols } from './trace.ts';

/**
 * Console patterns of trouble. Sources: lib/bug.c and kernel/panic.c (`WARNING: CPU: 0 PID: 1 at file:line symbol`, since 6.19
 * `WARNING: file:line at symbol, CPU#0`; `kernel BUG at`), arch oops texts (`BUG:`, `Oops`, `general protection fault`),
 * kernel/watchdog.c (soft lockup), kernel/hung_task.c, kernel/rcu/tree_stall.h, mm/kasan, kernel/kcsan, mm/kmsan, mm/kfence,
 * lib/ubsan.c, kernel/locking/lockdep.c, net/core/dev.c (`unregister_netdevice: waiting for`), lib/ref_tracker.c, mm/kmemleak.c.
 */
const PATTERNS: readonly (readonly [kind: string, pattern: RegExp])[] = [
  ['panic', /Kernel panic - not syncing/],
  [
    'oops',
    /\bOops(?::| - )|[Gg]eneral protection fault|[Uu]nable to handle (?:kernel|page fault)|invalid opcode:/,
  ],
  ['kasan', /BUG: KASAN:/],
  ['kcsan', /BUG: KCSAN:/],
  ['kmsan', /BUG: KMSAN:/],
  ['kfence', /BUG: KFENCE:/],
  ['lockup', /watchdog: BUG: (?:soft|hard) lockup|Watchdog detected hard LOCKUP/],
  ['bug', /kernel BUG at|\bBUG: /],
  [
    'lockdep',
    /possible (?:circular|recursive) locking|possible irq lock inversion|suspicious RCU usage|inconsistent lock state/,
  ],
  ['warning', /\bWARNING: CPU: \d+|\bWARNING: .*:\d+ at |\bWARNING: .*\bat .*:\d+/],
  ['bad-offload', /caps=\(0x[0-9a-f]+.*skb_warn_bad_offload|skb_warn_bad_offload/],
  ['ubsan', /UBSAN: /],
  ['hung-task', /INFO: task .* blocked for more than/],
  ['rcu-stall', /INFO: rcu_\w+ .*stall/],
  [
    'leaked-reference',
    /unregister_netdevice: waiting for .* to become free|ref_tracker: .* has .* users|unreferenced object 0x/,
  ],
];

/** After these the kernel is beyond trust: it died, hangs, or its memory is damaged. */
const GRAVE: ReadonlySet<string> = new Set([
  'panic',
  'oops',
  'bug',
  'kasan',
  'kfence',
  'lockup',
  'hung-task',
  'rcu-stall',
]);

/** Lines that a report and its trace may take. */
const REPORT_LINES = 120;

export interface Splat {
  readonly kind: string;
  /** The line that matched, without its time stamp. */
  readonly line: string;
  /** The kernel is beyond trust from here on. */
  readonly grave: boolean;
  /** Kind and the first five symbols of the trace. */
  readonly fingerprint: string;
}

/** The first trouble in these lines, or null. */
export function findSplat(lines: readonly string[]): Splat | null {
  for (const [i, raw] of lines.entries()) {
    const line = withoutStamp(raw);
    // It may hold any of the words: `oops=panic`.
    if (/^(?:Kernel )?[Cc]ommand line: /.test(line)) continue;
    const hit = PATTERNS.find(([, pattern]) => pattern.test(line));
    if (!hit) continue;
    const [kind] = hit;
    const report = lines.slice(i, i + REPORT_LINES).map(withoutStamp);
    const fingerprint = [kind, ...traceSymbols(report)].join(' ');
    return { kind, line, grave: GRAVE.has(kind), fingerprint };
  }
  return null;
}

/** The taint bits that mean trouble: W(9) warning, D(7) died, L(14) lockup, B(5) bad page (Documentation/admin-guide/tainted-kernels.rst). */
const TROUBLE = new Map([
  [5, 'B (bad page)'],
  [7, 'D (died)'],
  [9, 'W (warning)'],
  [14, 'L (lockup)'],
]);

/** Trouble flags that are set after but not before, in words. */
export function newTaint(before: number, after: number): string[] {
  return [...TROUBLE].filter(([bit]) => (after & ~before & (1 << bit)) !== 0).map(([, name]) => name);
}

/** `<4>[    1.234567][  T12] text` and `[ 1.2] text` without what stands in front of the text. */
function withoutStamp(line: string): string {
  return line.replace(/^(?:<\d+>)?(?:\[\s*\d+\.\d+\])?(?:\[\s*[TC]\d+\])?\s*/, '').trimEnd();
}
