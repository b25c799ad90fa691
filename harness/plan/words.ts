/** Actions in words a person can read, without the sizes' formulas. */
import type { Action, Change, ControlMessage, Endpoint } from '../contract/program.ts';
import type { MadePacket, Message, OptionValue } from '../contract/program.ts';
import { fold } from '../judge/notation.ts';

/** `10.0.0.1:9000`, `[fd00::1]:9000` */
export function showEndpoint({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function showValue(value: OptionValue): string {
  if ('int' in value) return String(value.int);
  return 'hex' in value ? `0x${value.hex}` : 'NULL';
}

function showControl({ level, type, value, length }: ControlMessage): string {
  if ('txtime' in value) return `${level}/${type} ${value.txtime.clock} now + ${value.txtime.delta / 1e6} ms`;
  const [kind = '', written = ''] = Object.entries(value).flat().map(String);
  const cut = length === undefined ? '' : ` said to be ${length} bytes`;
  return `${level}/${type} ${kind === 'hex' ? '0x' : ''}${written} (${kind})${cut}`;
}

function showMessage({ iov, unreadable, to, control, overwrite }: Message): string {
  const bytes = iov.reduce((total, n) => total + n, 0);
  const pieces =
    iov.length === 1 && unreadable === undefined ? '' : ` in ${iov.length} pieces (${fold(iov.map(String))})`;
  const where = to ? ` to ${showEndpoint(to)}` : '';
  const extra = control.length === 0 ? '' : ` with ${control.map(showControl).join(' and ')}`;
  const then = overwrite ? `, which change from ${overwrite.from} on right after the call` : '';
  const fault = unreadable === undefined ? '' : `, number ${unreadable} of them in no memory`;
  return `${bytes} byte${bytes === 1 ? '' : 's'}${pieces}${fault}${where}${extra}${then}`;
}

function showChange(change: Change): string {
  switch (change.kind) {
    case 'link': {
      const features = Object.entries(change.features ?? {}).map(
        ([name, on]) => `${name} ${on ? 'on' : 'off'}`,
      );
      const mtu = change.mtu === undefined ? [] : [`mtu ${change.mtu}`];
      const up = change.up === undefined ? [] : [change.up ? 'up' : 'down'];
      const size = change.gsoMaxSize === undefined ? [] : [`gso_max_size ${change.gsoMaxSize}`];
      const segs = change.gsoMaxSegs === undefined ? [] : [`gso_max_segs ${change.gsoMaxSegs}`];
      return `set ${change.name} in ${change.ns} to ${[...mtu, ...up, ...size, ...segs, ...features].join(', ')}`;
    }
    case 'sysctl':
      return `set ${change.key} in ${change.ns} to ${change.value}`;
    case 'route': {
      const mtu = change.mtu === undefined ? '' : ` mtu ${change.mtu}`;
      const table = change.local === true ? ' in the local table' : '';
      return `${change.del === true ? 'delete' : 'set'} the route to ${change.to} dev ${change.dev}${mtu}${table} in ${change.ns}`;
    }
    case 'xfrm':
      return `transform what goes from ${change.from} to ${change.to} in ${change.ns}`;
  }
}

function showPacket(packet: MadePacket): string {
  if (packet.kind === 'too-big')
    return `"${packet.mtu} bytes at most" from ${packet.from} about what goes to ${showEndpoint(packet.about.to)}`;
  return `${packet.bytes} bytes from ${showEndpoint(packet.from)} to ${showEndpoint(packet.to)}`;
}

/** One action, e.g. `sender sends 2945 bytes to 10.0.0.1:9000 with SOL_UDP/UDP_SEGMENT 1472 (u16)`. */
export function describeAction(action: Action): string {
  switch (action.do) {
    case 'open': {
      const kind = `${action.family === 'ipv4' ? 'IPv4' : 'IPv6'} ${action.protocol === 'udp' ? 'UDP' : 'UDP-Lite'}`;
      return `open ${action.socket}: an ${kind} socket in ${action.ns}`;
    }
    case 'bind':
      return `bind ${action.socket} to ${showEndpoint(action.to)}`;
    case 'connect':
      return action.to
        ? `connect ${action.socket} to ${showEndpoint(action.to)}`
        : `dissolve ${action.socket}`;
    case 'set': {
      const length = action.length === undefined ? '' : ` with length ${action.length}`;
      return `set ${action.level}/${action.option} on ${action.socket} to ${showValue(action.value)}${length}`;
    }
    case 'get':
      return `get ${action.level}/${action.option} of ${action.socket} with length ${action.length}`;
    case 'send': {
      const flags = action.flags.length === 0 ? '' : `, ${action.flags.join('|')}`;
      const call = action.call === 'sendmmsg' ? ` by one sendmmsg` : '';
      return `${action.socket} sends ${action.messages.map(showMessage).join('; ')}${call}${flags}`;
    }
    case 'receive': {
      const flags = action.flags.length === 0 ? '' : ` with ${action.flags.join('|')}`;
      return `receive on ${action.socket} into ${action.buffer} bytes${flags} until nothing is left`;
    }
    case 'errors':
      return `read the error queue of ${action.socket} until nothing is left`;
    case 'close':
      return `close ${action.socket}`;
    case 'queue':
      return `read how many bytes wait ${action.which === 'out' ? 'to leave' : 'in'} ${action.socket}`;
    case 'counters':
      return `read the counters ${action.names.join(', ')} of ${action.ns}`;
    case 'inject':
      return `inject ${showPacket(action.packet)} ${action.by === 'tap' ? 'into' : 'out of'} ${action.dev} in ${action.ns}`;
    case 'change':
      return showChange(action.change);
    case 'capture':
      return `watch UDP port ${action.port} on ${action.dev} in ${action.ns} (capture ${action.capture})`;
    case 'packets':
      return `read what capture ${action.capture} saw`;
  }
}
