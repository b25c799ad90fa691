/** send: one sendmsg(2) or sendmmsg(2). */
import { MAX_STREAM } from '../agent/payload.ts';
import type { Expected } from '../contract/expectation.ts';
import type { ControlMessage, Message } from '../contract/program.ts';
import { cBytes, cInts, cString, foldedList } from './c-text.ts';
import type { Draft } from './draft.ts';
import { wanted } from './expected.ts';
import { expect } from './helpers/report.ts';
import { sendAndOverwrite } from './helpers/overwrite.ts';
import { expectLengths, sendMany, sendOne } from './helpers/send.ts';
import { endpoint, shown } from './steps-socket.ts';
import type { Of } from './steps-socket.ts';
import { beginSending, launchTime } from './times.ts';

/** Most messages of one sendmmsg (UIO_MAXIOV). */
const MAX_BATCH = 1024;

/** Data of a control message: a pointer, its length in bytes, and how it is shown. */
function data(draft: Draft, value: ControlMessage['value']): [pointer: string, length: number, text: string] {
  if ('hex' in value) {
    const bytes = Buffer.from(value.hex, 'hex');
    return [cBytes(bytes), bytes.length, `0x${value.hex}`];
  }
  if ('txtime' in value) return launchTime(draft, value.txtime);
  draft.include('stdint.h');
  if ('u64' in value) {
    const number = BigInt(value.u64).toString();
    return [`&(uint64_t){ ${number}ULL }`, 8, `(u64)${number}`];
  }
  if ('u8' in value) return [`&(uint8_t){ ${value.u8} }`, 1, `(u8)${value.u8}`];
  if ('u16' in value) return [`&(uint16_t){ ${value.u16} }`, 2, String(value.u16)];
  return [`&(int){ ${value.int} }`, 4, `(int)${value.int}`];
}

function control(draft: Draft, message: ControlMessage): string {
  const [pointer, length] = data(draft, message.value);
  const names = `${draft.level(message.level)}, ${draft.option(message.type)}`;
  const given = message.length === undefined ? `CMSG_LEN(${length})` : String(message.length);
  return `{ ${names}, ${pointer}, ${length}, ${given} },`;
}

/** The members of a struct message, one line each. */
function members(draft: Draft, message: Message): string[] {
  const total = message.iov.reduce((sum, length) => sum + length, 0);
  if (total > MAX_STREAM) draft.refuse(`a send of ${total} bytes`);
  if (message.overwrite && message.unreadable !== undefined)
    draft.refuse('a send whose bytes change after it, some of them at NULL');
  const lines = [`.stream = ${message.stream},`];
  if (message.to) {
    const [address = '', port = ''] = endpoint(draft, message.to).split(', ');
    const { flowinfo } = message.to;
    const label = flowinfo === undefined || !address.includes(':') ? '' : ` .flowinfo = ${flowinfo},`;
    lines.push(`.to = ${address}, .port = ${port},${label}`);
  }
  if (message.iov.length > 0)
    lines.push(`.iov = (int[])${cInts(message.iov)}, .pieces = ${message.iov.length},`);
  if (message.unreadable !== undefined) lines.push(`.unreadable = ${message.unreadable + 1},`);
  if (message.control.length > 0) {
    const items = message.control.map((item) => `\t${control(draft, item)}`);
    lines.push('.control = (struct control[]){', ...items, `}, .controls = ${message.control.length},`);
  }
  return lines;
}

/** `{name=10.0.0.1:9000, iov=[1473], control=[UDP_SEGMENT 1472]}` */
function describe(draft: Draft, message: Message): string {
  const parts = [`iov=${foldedList(message.iov)}`];
  if (message.unreadable !== undefined) parts.push(`iov[${message.unreadable}].iov_base=NULL`);
  if (message.to) {
    const { flowinfo } = message.to;
    parts.unshift(`name=${shown(message.to)}${flowinfo === undefined ? '' : ` flowinfo=${flowinfo}`}`);
  }
  if (message.control.length > 0) {
    const items = message.control.map(({ type, value, length }) => {
      const [, , text] = data(draft, value);
      return `${type} ${text}${length === undefined ? '' : ` cmsg_len=${length}`}`;
    });
    parts.push(`control=[${items.join(', ')}]`);
  }
  const then = message.overwrite ? `, overwritten from byte ${message.overwrite.from} on` : '';
  return `{${parts.join(', ')}}${then}`;
}

export function send(draft: Draft, action: Of<'send'>, expected: Expected): void {
  const { variable } = draft.socket(action.socket);
  const { messages } = action;
  const flags = draft.flags(action.flags);
  const flagText = action.flags.length === 0 ? '0' : action.flags.join('|');
  const texts = messages.map((message) => describe(draft, message));
  beginSending(draft);
  draft.use(expect);
  if (action.call === 'sendmsg') {
    const [message] = messages;
    if (!message || messages.length !== 1) draft.refuse(`a sendmsg of ${messages.length} messages`);
    else {
      const { overwrite } = message;
      draft.use(overwrite ? sendAndOverwrite : sendOne);
      draft.write(
        `expect(${cString(`sendmsg(${action.socket}, ${texts.join('')}, ${flagText})`)},`,
        `       ${overwrite ? 'send_and_overwrite' : 'send_one'}(${variable}, &(struct message){`,
        ...members(draft, message).map((line) => `\t\t${line}`),
        `\t}, ${flags}${overwrite ? `, ${overwrite.stream}, ${overwrite.from}` : ''}), ${wanted(draft, expected)});`,
      );
    }
    return;
  }
  if (messages.some(({ overwrite }) => overwrite)) draft.refuse('a sendmmsg whose bytes change after it');
  if (messages.length > MAX_BATCH) draft.refuse(`a sendmmsg of ${messages.length} messages`);
  draft.use(sendMany);
  const call = `sendmmsg(${action.socket}, [${texts.join(', ')}], ${messages.length}, ${flagText})`;
  const lengths = 'ok' in expected ? expected.lengths : undefined;
  draft.write(
    `${lengths ? 'if (expect' : 'expect'}(${cString(call)},`,
    messages.length === 0
      ? `       send_many(${variable}, NULL, 0, ${flags}),`
      : `       send_many(${variable}, (struct message[]){`,
    ...messages.flatMap((message) => [
      '\t{',
      ...members(draft, message).map((line) => `\t\t${line}`),
      '\t},',
    ]),
    `${messages.length === 0 ? '' : `}, ${messages.length}, ${flags}), `}${wanted(draft, expected)})${lengths ? ')' : ';'}`,
  );
  if (!lengths) return;
  draft.use(expectLengths);
  const list = lengths.length === 0 ? 'NULL' : `(int[])${cInts(lengths)}`;
  draft.write(`\texpect_lengths(${list}, ${lengths.length});`);
}
