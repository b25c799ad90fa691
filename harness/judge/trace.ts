/** The functions that a kernel report tells of, without what is the same in every report of its kind. */

/** How many symbols tell one report from another. */
const SYMBOLS = 5;

/** Printers of reports, entries into the kernel, and what a blocked task waits in: they are in every trace. */
const FRAMES =
  /^(?:_*warn\w*|_*die\w*|_*bad_area\w*|_*asan_\w+|_*ubsan_\w+|_*kasan_\w+|_*kcsan_\w+|_*tsan_\w+|_*schedule\w*|asm_\w+|check_panic_on_warn|common_interrupt|do_exit|do_group_exit|do_syscall_\w+|do_task_dead|do_user_addr_fault|dump_stack\w*|end_report|entry_\w+|exc_\w+|fixup_bug|handle_bug|invalid_op|make_task_dead|nmi_\w+|no_context|oops_\w+|page_fault\w*|panic|print_\w+|report_bug|ret_from_fork\w*|rewind_stack\w*|search_\w*table\w*|show_\w+|start_secondary|sysvec_\w+|watchdog\w*|x64_sys_call|kthread|worker_thread)$/;

/** `udp_gso_segment.constprop.0`: what a compiler adds to a name changes from build to build. */
const CLONE = /\.(?:constprop|isra|part|cold|llvm|lto_priv)(?:\.\d+)*/g;

/** The first symbols of a report whose lines have no time stamps; the first line is its headline. */
export function traceSymbols(report: readonly string[]): string[] {
  const names: string[] = [];
  const add = (symbol: string | undefined): void => {
    const name = symbol?.replace(CLONE, '');
    if (name === undefined || FRAMES.test(name) || names.includes(name)) return;
    names.push(name);
  };
  // KCSAN names both functions of a race in its headline, without offsets.
  const race = /BUG: KCSAN: \S+ in ([\w.]+)(?: \/ ([\w.]+))?/.exec(report[0] ?? '');
  for (const symbol of race?.slice(1) ?? []) add(symbol);
  for (const line of report) {
    if (names.length >= SYMBOLS || /---\[ end (?:trace|Kernel panic)/.test(line)) break;
    // A question mark stands before what merely lay on the stack.
    if (/^\s*\?\s/.test(line)) continue;
    add(/(?:^|[\s:>])([A-Za-z_][\w.]*)\+0x[0-9a-f]+\/0x[0-9a-f]+/.exec(line)?.[1]);
  }
  return names.slice(0, SYMBOLS);
}
