/** open, bind, connect, set, get, close, queue. */
import type { Expected } from '../contract/expectation.ts';
import type { Action, OptionValue } from '../contract/program.ts';
import { parseAddress } from '../wire/address.ts';
import type { Endpoint } from '../contract/program.ts';
import { cBytes, cString } from './c-text.ts';
import type { Draft } from './draft.ts';
import { wanted } from './expected.ts';
import { expect } from './helpers/report.ts';
import {
  bindTo,
  connectTo,
  dissolve,
  expectInt,
  expectQueue,
  expectRaw,
  getOption,
} from './helpers/sockets.ts';

export type Of<Verb extends Action['do']> = Extract<Action, { do: Verb }>;

/** `expect("call", call, want);` */
export function expectCall(draft: Draft, call: string, c: string, expected: Expected): void {
  draft.use(expect);
  draft.write(`expect(${cString(call)},`, `       ${c}, ${wanted(draft, expected)});`);
}

/** `"10.0.0.1", 9000` */
export function endpoint(draft: Draft, { address, port }: Endpoint): string {
  if (!parseAddress(address)) draft.refuse(`${JSON.stringify(address)} as an address`);
  return `"${address}", ${port}`;
}

export function shown({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

export function open(draft: Draft, action: Of<'open'>, expected: Expected): void {
  const variable = draft.name('sk', action.socket);
  draft.sockets.set(action.socket, { variable, ns: action.ns, protocol: action.protocol });
  draft.variables.add(`static int ${variable} = -1;`);
  draft.include('sys/socket.h', 'netinet/in.h');
  draft.enter(action.ns);
  const family = action.family === 'ipv6' ? 'AF_INET6' : 'AF_INET';
  const protocol = action.protocol === 'udplite' ? 'IPPROTO_UDPLITE' : 'IPPROTO_UDP';
  draft.write(`${variable} = socket(${family}, SOCK_DGRAM | SOCK_CLOEXEC, ${protocol});`);
  expectCall(
    draft,
    `${action.socket} = socket(${family}, SOCK_DGRAM|SOCK_CLOEXEC, ${protocol})`,
    variable,
    expected,
  );
}

export function bind(draft: Draft, action: Of<'bind'>, expected: Expected): void {
  const { variable } = draft.socket(action.socket);
  draft.use(bindTo);
  const call = `bind(${action.socket}, ${shown(action.to)})`;
  expectCall(draft, call, `bind_to(${variable}, ${endpoint(draft, action.to)})`, expected);
}

export function connect(draft: Draft, action: Of<'connect'>, expected: Expected): void {
  const { variable } = draft.socket(action.socket);
  draft.use(action.to ? connectTo : dissolve);
  const call = `connect(${action.socket}, ${action.to ? shown(action.to) : 'AF_UNSPEC'})`;
  const c = action.to ? `connect_to(${variable}, ${endpoint(draft, action.to)})` : `disconnect(${variable})`;
  expectCall(draft, call, c, expected);
}

/** optlen as C has it: -1 is what the kernel reads as a negative int. */
function optlen(length: number): string {
  return length < 0 ? `(socklen_t)${length}` : String(length);
}

/** The value's pointer, its own length, and how strace would show it. */
function optionValue(
  value: OptionValue,
  length: number | undefined,
): [c: string, length: number, text: string] {
  if ('null' in value) return ['NULL', 0, 'NULL'];
  if ('hex' in value) {
    const bytes = Buffer.from(value.hex, 'hex');
    return [cBytes(bytes, Math.max(bytes.length, length ?? 0)), bytes.length, `0x${value.hex}`];
  }
  const text = `[${value.int}]`;
  if (length === undefined || length <= 4) return [`&(int){ ${value.int} }`, 4, text];
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value.int);
  return [cBytes(bytes, length), 4, text];
}

export function set(draft: Draft, action: Of<'set'>, expected: Expected): void {
  const { variable } = draft.socket(action.socket);
  const [value, own, text] = optionValue(action.value, action.length);
  const length = action.length ?? own;
  const call = `setsockopt(${action.socket}, ${action.level}, ${action.option}, ${text}, ${length})`;
  const names = `${draft.level(action.level)}, ${draft.option(action.option)}`;
  draft.include('sys/socket.h');
  expectCall(draft, call, `setsockopt(${variable}, ${names}, ${value}, ${optlen(length)})`, expected);
}

export function get(draft: Draft, action: Of<'get'>, expected: Expected): void {
  const { variable } = draft.socket(action.socket);
  const call = `getsockopt(${action.socket}, ${action.level}, ${action.option}, ..., [${action.length}])`;
  const names = `${draft.level(action.level)}, ${draft.option(action.option)}`;
  const c = `get_option(${variable}, ${names}, ${optlen(action.length)})`;
  draft.use(getOption);
  if (!('value' in expected)) {
    expectCall(draft, call, c, expected);
    return;
  }
  const { int, hex = '', length } = expected.value;
  draft.use(expect, int === undefined ? expectRaw : expectInt);
  draft.write(`if (expect(${cString(call)},`, `	   ${c}, ANY))`);
  const bytes = Buffer.from(hex, 'hex');
  draft.write(
    int === undefined
      ? `\texpect_raw(${cBytes(bytes)}, ${bytes.length}, ${length});`
      : `\texpect_int(${int}, ${length});`,
  );
}

export function close(draft: Draft, action: Of<'close'>, expected: Expected): void {
  const { variable } = draft.socket(action.socket);
  draft.sockets.delete(action.socket);
  draft.include('unistd.h');
  expectCall(draft, `close(${action.socket})`, `close(${variable})`, expected);
}

export function queue(draft: Draft, action: Of<'queue'>, expected: Expected): void {
  const { variable } = draft.socket(action.socket);
  const request = action.which === 'out' ? 'SIOCOUTQ' : 'SIOCINQ';
  const call = `ioctl(${action.socket}, ${request})`;
  draft.use(expectQueue);
  if ('bytes' in expected) {
    draft.write(`expect_queue("${call}", ${variable}, ${request}, ${expected.bytes});`);
    return;
  }
  expectCall(draft, call, `ioctl(${variable}, ${request}, &(int){ 0 })`, expected);
}
