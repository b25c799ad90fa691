/** Control messages of a datagram: what was asked for, and what came along. */
import type { Datagram } from '../contract/evidence.ts';
import type { ExpectedDatagram } from '../contract/expectation.ts';

/** Value of the UDP_GRO message, which is an int. */
export function showGro(datagram: Datagram | ExpectedDatagram): string {
  if ('gro' in datagram) return datagram.gro === null ? 'none' : `int ${datagram.gro}`;
  const found = datagram.control.filter((c) => c.level === 'SOL_UDP' && c.type === 'UDP_GRO');
  return found.length === 0
    ? 'none'
    : found
        .map((c) => (c.length === 4 && c.int !== undefined ? `int ${c.int}` : `${c.length} bytes 0x${c.hex}`))
        .join(', ');
}

/** Of those that came, the ones that are asked for; which these are is the expectation's to say. */
export function hasControl(want: ExpectedDatagram, got: Datagram): boolean {
  return (want.control ?? []).every(({ level, type, hex }) => {
    const found = got.control.filter((one) => one.level === level && one.type === type);
    return found.length === 1 && found[0]?.hex === hex;
  });
}

export function showControl({ control }: Datagram | ExpectedDatagram): string {
  return control === undefined || control.length === 0
    ? 'none'
    : control.map(({ type, hex }) => `${type} ${showData(hex)}`).join(', ');
}

function showData(hex: string): string {
  return hex.length === 8 ? String(Buffer.from(hex, 'hex').readInt32LE()) : `0x${hex}`;
}
