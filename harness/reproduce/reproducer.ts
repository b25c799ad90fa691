/** Prints one case as a C program that needs nothing of segproof: for a bug report, a bisection, a mail to a list. */
import type { Expected, PlannedCase } from '../contract/expectation.ts';
import type { Action } from '../contract/program.ts';
import { needsRoot } from './beyond-ip.ts';
import { commentLines, cString } from './c-text.ts';
import { Draft } from './draft.ts';
import { inOrder } from './helper.ts';
import { newUserNamespace, oneCpu } from './helpers/namespaces.ts';
import { needRoot } from './helpers/team.ts';
import { capture, counters, packets, printCounterStart, receive } from './steps-observe.ts';
import { change } from './steps-change.ts';
import { errors } from './steps-errors.ts';
import { inject } from './steps-inject.ts';
import { send } from './steps-send.ts';
import { bind, close, connect, get, open, queue, set } from './steps-socket.ts';
import { hasTaps, printPump } from './taps.ts';
import { printTopology } from './topology.ts';

type Printer = (draft: Draft, action: never, expected: Expected) => void;

const PRINTERS: Readonly<Partial<Record<string, Printer>>> = {
  open,
  bind,
  connect,
  set,
  get,
  send,
  receive,
  close,
  queue,
  counters,
  change,
  capture,
  packets,
  errors,
  inject,
};

/** Time to build the topology, beyond the case's own deadline, in seconds. */
const SETUP_SECONDS = 10;

/**
 * The C source. `release`: the kernel that the expectations are for, e.g. `6.12.95`.
 * @throws Unprintable naming what there is no C for, or that the case does not apply to that kernel.
 */
export function reproducer(planned: PlannedCase, release: string): string {
  const draft = new Draft(planned);
  if (planned.skip !== undefined) draft.refuse(`it does not apply to ${release}: ${planned.skip}`);
  const { actions } = planned.program;
  if (actions.length !== planned.expectations.length)
    draft.refuse(`${planned.expectations.length} expectations for ${actions.length} actions`);
  draft.use(needsRoot(planned.program.topology) ? needRoot : newUserNamespace, oneCpu);
  draft.include('stdio.h', 'unistd.h');
  printTopology(draft);
  draft.beginSteps();
  printCounterStart(draft);
  for (const [index, action] of actions.entries()) printStep(draft, action, index);
  return assemble(draft, release);
}

function printStep(draft: Draft, action: Action, index: number): void {
  const expectation = draft.planned.expectations[index];
  const print = PRINTERS[action.do] as
    ((draft: Draft, action: Action, expected: Expected) => void) | undefined;
  if (!print || !expectation) return draft.refuse(`a step that does "${action.do}"`);
  const { file, line } = expectation.where;
  draft.at(`${file}:${line}`);
  print(draft, action, expectation.expected);
  printPump(draft, action);
}

function assemble(draft: Draft, release: string): string {
  const { planned } = draft;
  const helpers = inOrder(draft.helpers);
  for (const helper of helpers) draft.include(...(helper.includes ?? []));
  const structs = [...draft.variables].filter((line) => line.startsWith('static struct'));
  const plain = [...draft.variables].filter((line) => !line.startsWith('static struct'));
  const seconds = Math.ceil(planned.program.deadlineMs / 1000) + SETUP_SECONDS;
  return [
    ...header(planned, release),
    '#define _GNU_SOURCE',
    ...[...draft.includes].sort().map((name) => `#include <${name}>`),
    '',
    ...[...draft.constants].flatMap(([name, number]) => [
      `#ifndef ${name}`,
      `#define ${name} ${number}`,
      '#endif',
    ]),
    ...(draft.constants.size === 0 ? [] : ['']),
    `#define SEED ${planned.program.seed >>> 0}U	/* of the payload */`,
    `#define SPAN ${draft.span + 1}	/* pieces of payload in one item, and an empty one */`,
    '',
    `static const char rule[] = ${cString(planned.rule)};`,
    ...plain,
    ...helpers.map(({ code }) => `\n${code.trim()}`),
    '',
    ...structs,
    ...(structs.length === 0 ? [] : ['']),
    'static void build_topology(void)',
    '{',
    ...draft.setup,
    '}',
    '',
    'static void run_case(void)',
    '{',
    ...draft.steps,
    '}',
    '',
    'int main(void)',
    '{',
    '	setlinebuf(stdout);',
    `	alarm(${seconds});`,
    needsRoot(planned.program.topology) ? '	need_root();' : '	new_user_namespace();',
    '	stay_on_one_cpu();',
    '	build_topology();',
    '	run_case();',
    '	puts(failures ? "The rule is broken." : "PASS");',
    '	return failures ? 1 : 0;',
    '}',
    '',
  ].join('\n');
}

function header(planned: PlannedCase, release: string): string[] {
  const tun = hasTaps(planned.program.topology) ? ', /dev/net/tun' : '';
  return [
    '// SPDX-License-Identifier: MIT',
    '/*',
    ...commentLines('', planned.id),
    ' *',
    ...commentLines('Rule:    ', planned.rule),
    ...planned.source.flatMap((source) => commentLines('Source:  ', source)),
    ...commentLines('Written: ', `${planned.where.file}:${planned.where.line}`),
    ...commentLines('Expects: ', `as judged on ${release}${behaviours(planned)}`),
    ' *',
    ' * Build:   gcc -Wall -Wextra -O1 -o case case.c',
    ` * Run:     ./case, which makes namespaces of its own; it needs ip(8)${tun}, and root only where user`,
    ` *          namespaces are forbidden${needsRoot(planned.program.topology) ? ', and for teams, which obey nobody else' : ''}`,
    ' * Exit:    0 as the rule says, 1 not, 2 could not be tried, 4 the kernel lacks what is needed',
    ' *',
    ' * Printed by segproof explain --c.',
    ' */',
  ];
}

function behaviours(planned: PlannedCase): string {
  return planned.behaviours.length === 0 ? '' : `, by its state of ${planned.behaviours.join(', ')}`;
}
