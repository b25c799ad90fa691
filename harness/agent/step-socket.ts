/** open, bind, connect, set, get, close, queue. */
import { levelName } from '../abi/levels.ts';
import { resolveOption } from '../abi/options.ts';
import type { StepEvidence } from '../contract/evidence.ts';
import type { Action, OptionValue } from '../contract/program.ts';
import type { Case } from './case.ts';
import { outcome, result } from './notation.ts';
import { encodeSockaddr, encodedText, unspecSockaddr } from './sockaddr.ts';
import { AF, IOCTL, IPPROTO, SOCK } from './sys.ts';

type Of<Verb extends Action['do']> = Extract<Action, { do: Verb }>;

/** Room for any option's answer. */
const OPTION_BYTES = 4096;

export function open(run: Case, action: Of<'open'>): StepEvidence {
  const v6 = action.family === 'ipv6';
  const protocol = action.protocol === 'udplite' ? IPPROTO.UDPLITE : IPPROTO.UDP;
  const family = v6 ? AF.INET6 : AF.INET;
  run.topology.enter(action.ns);
  const fd = run.sys.socket(family, SOCK.DGRAM | SOCK.CLOEXEC, protocol);
  if (fd >= 0)
    run.sockets.set(action.socket, { fd, ns: action.ns, family, protocol, cursor: { index: 0, at: 0 } });
  const words = `${v6 ? 'AF_INET6' : 'AF_INET'}, SOCK_DGRAM|SOCK_CLOEXEC, IPPROTO_${action.protocol.toUpperCase()}`;
  return { ...outcome(fd), calls: [`socket(${words})${result(fd)}`] };
}

export function bind(run: Case, action: Of<'bind'>): StepEvidence {
  const { fd } = run.socket(action.socket);
  const name = encodeSockaddr(action.to);
  const ret = run.sys.bind(fd, name);
  return { ...outcome(ret), calls: [`bind(${fd}, ${encodedText(name)}, ${name.length})${result(ret)}`] };
}

export function connect(run: Case, action: Of<'connect'>): StepEvidence {
  const { fd } = run.socket(action.socket);
  const name = action.to ? encodeSockaddr(action.to) : unspecSockaddr();
  const ret = run.sys.connect(fd, name);
  return {
    ...outcome(ret),
    calls: [`connect(${fd}, ${encodedText(name)}, ${name.length})${result(ret)}`],
  };
}

function optionBytes(value: OptionValue): Buffer | null {
  if ('null' in value) return null;
  if ('hex' in value) return Buffer.from(value.hex, 'hex');
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value.int);
  return bytes;
}

function optionText(value: OptionValue): string {
  if ('null' in value) return 'NULL';
  return 'hex' in value ? `0x${value.hex}` : `[${value.int}]`;
}

export function set(run: Case, action: Of<'set'>): StepEvidence {
  const { fd } = run.socket(action.socket);
  const { level, number } = resolveOption(action.level, action.option);
  const value = optionBytes(action.value);
  const length = action.length ?? value?.length ?? 0;
  // A longer optlen reads zeros behind the value, never foreign memory.
  const bytes = value && length > value.length ? Buffer.concat([value], length) : value;
  const ret = run.sys.setsockopt(fd, level, number, bytes, length);
  const words = `${levelName(level)}, ${action.option}, ${optionText(action.value)}, ${length}`;
  return { ...outcome(ret), calls: [`setsockopt(${fd}, ${words})${result(ret)}`] };
}

export function get(run: Case, action: Of<'get'>): StepEvidence {
  const { fd } = run.socket(action.socket);
  const { level, number } = resolveOption(action.level, action.option);
  const into = Buffer.alloc(Math.max(OPTION_BYTES, action.length));
  const { ret, length } = run.sys.getsockopt(fd, level, number, into, action.length);
  const call = `getsockopt(${fd}, ${levelName(level)}, ${action.option}`;
  if (ret < 0) return { ...outcome(ret), calls: [`${call}, …, [${action.length}])${result(ret)}`] };
  const data = into.subarray(0, Math.max(0, Math.min(length, into.length)));
  const int = data.length === 4 ? { int: data.readInt32LE() } : {};
  const text = data.length === 4 ? `[${data.readInt32LE()}]` : `0x${data.toString('hex')}`;
  return {
    ret,
    value: { hex: data.toString('hex'), length, ...int },
    calls: [`${call}, ${text}, [${action.length} => ${length}])${result(ret)}`],
  };
}

export function close(run: Case, action: Of<'close'>): StepEvidence {
  const { fd } = run.socket(action.socket);
  run.sockets.delete(action.socket);
  const ret = run.sys.close(fd);
  return { ...outcome(ret), calls: [`close(${fd})${result(ret)}`] };
}

export function queue(run: Case, action: Of<'queue'>): StepEvidence {
  const { fd } = run.socket(action.socket);
  const name = action.which === 'out' ? 'SIOCOUTQ' : 'SIOCINQ';
  const bytes = Buffer.alloc(4);
  const ret = run.sys.ioctl(fd, IOCTL[name], bytes);
  const held = bytes.readInt32LE();
  const call = `ioctl(${fd}, ${name}, [${held}])${result(ret)}`;
  return ret < 0 ? { ...outcome(ret), calls: [call] } : { ret, bytes: held, calls: [call] };
}
