/** send: one sendmsg(2) or sendmmsg(2). */
import { flagBits } from '../abi/flags.ts';
import type { StepEvidence } from '../contract/evidence.ts';
import type { Action, Message } from '../contract/program.ts';
import type { Case } from './case.ts';
import { describeControl, describeFlags, encodeControl } from './control.ts';
import { outcome, result } from './notation.ts';
import { payload } from './payload.ts';
import { encodeSockaddr, encodedText } from './sockaddr.ts';
import type { OutgoingMessage } from './sys.ts';

function total(message: Message): number {
  return message.iov.reduce((sum, length) => sum + length, 0);
}

/**
 * The same bytes in pieces that do not lie side by side: pages that the kernel takes as they are become one where they do
 * (zerocopy_fill_skb_from_iter()).
 */
function apart(pieces: readonly Buffer[]): Buffer[] {
  const room = Buffer.alloc(pieces.reduce((sum, piece) => sum + piece.length + 1, 0));
  let at = 0;
  return pieces.map((piece) => {
    const copy = room.subarray(++at, (at += piece.length));
    piece.copy(copy);
    return copy;
  });
}

function outgoing(run: Case, message: Message, zerocopy: boolean): OutgoingMessage {
  const { seed, own } = run;
  const known = payload(seed, message.stream, total(message));
  // What is to be changed later must not be everybody's copy.
  const bytes = message.overwrite === undefined ? known : Buffer.from(known);
  let at = 0;
  const pieces = message.iov.map((length) => bytes.subarray(at, (at += length)));
  const iov = zerocopy && pieces.length > 1 ? apart(pieces) : pieces;
  if (iov !== pieces) run.kept.push(iov);
  const name = message.to ? encodeSockaddr(message.to) : null;
  const control = encodeControl(message.control, (clock) => own.clock(clock));
  const { unreadable } = message;
  return { name, iov, control, ...(unreadable === undefined ? {} : { unreadable }) };
}

/** `{name=10.0.0.1:9000, iov=[1473], control=[UDP_SEGMENT 1472]}`; a name or control that is NULL is left out. */
function describe(message: Message, { name }: OutgoingMessage): string {
  const pieces = message.iov.map((length, index) =>
    index === message.unreadable ? `${length} at NULL` : length,
  );
  const parts = [`iov=[${pieces.join(', ')}]`];
  if (name) parts.unshift(`name=${encodedText(name)}`);
  if (message.control.length > 0) parts.push(`control=${describeControl(message.control)}`);
  const then = message.overwrite ? ` then overwritten from byte ${message.overwrite.from} on` : '';
  return `{${parts.join(', ')}}${then}`;
}

export function send(run: Case, action: Extract<Action, { do: 'send' }>): StepEvidence {
  const { fd } = run.socket(action.socket);
  const flags = flagBits(action.flags);
  run.beginSending();
  run.launches ||= action.messages.some(({ control }) => control.some(({ value }) => 'txtime' in value));
  const zerocopy = action.flags.includes('MSG_ZEROCOPY');
  const messages = action.messages.map((message) => outgoing(run, message, zerocopy));
  const texts = action.messages.map((message, index) =>
    describe(message, messages[index] as OutgoingMessage),
  );
  if (action.call === 'sendmmsg') return sendMany(run, fd, action.messages, messages, texts, flags);

  const [message] = messages;
  const [plan] = action.messages;
  if (!message || !plan || messages.length !== 1)
    throw new RangeError(`sendmsg takes one message, not ${messages.length}`);
  const ret = run.sys.sendmsg(fd, message, flags);
  if (plan.overwrite) overwrite(run, plan.overwrite, total(plan), message, ret >= 0);
  run.ledger.sent(plan.stream, total(plan), ret >= 0);
  const call = `sendmsg(${fd}, ${texts[0] ?? ''}, ${describeFlags(flags)})${result(ret)}`;
  return { ...outcome(ret), calls: [call] };
}

/** The kernel may read the pages until it says that it is done: they stay as long as the case. */
function overwrite(
  run: Case,
  { stream, from }: NonNullable<Message['overwrite']>,
  length: number,
  { iov }: OutgoingMessage,
  sent: boolean,
): void {
  const bytes = payload(run.seed, stream, length - from);
  let at = -from;
  for (const piece of iov) {
    if (at + piece.length > 0) bytes.copy(piece, Math.max(0, -at), Math.max(0, at));
    at += piece.length;
  }
  run.kept.push(iov);
  run.ledger.sent(stream, bytes.length, sent);
}

function sendMany(
  run: Case,
  fd: number,
  plans: readonly Message[],
  messages: readonly OutgoingMessage[],
  texts: readonly string[],
  flags: number,
): StepEvidence {
  const lengths: number[] = [];
  const ret = run.sys.sendmmsg(fd, messages, flags, lengths);
  for (const [index, plan] of plans.entries()) run.ledger.sent(plan.stream, total(plan), index < ret);
  const each = texts.map((text, index) => `${text}${index < ret ? ` => ${lengths[index] ?? 0}` : ''}`);
  const call = `sendmmsg(${fd}, [${each.join(', ')}], ${messages.length}, ${describeFlags(flags)})${result(ret)}`;
  return { ...outcome(ret), ...(ret < 0 ? {} : { lengths }), calls: [call] };
}
