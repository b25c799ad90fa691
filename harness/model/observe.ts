/** What a captured packet's headers say beyond the fields of its record. */
import { decode } from '../wire/decode.ts';
import type { Fragment } from './fragments.ts';
import type { Extension, Layer, Vlan } from '../wire/layers.ts';
import { linkText, observeOuter } from './observe-outer.ts';
import type { ObservedOuter } from './observe-outer.ts';

/** Texts in the notation of compare.ts; empty: there is none. */
export interface Observed {
  /** Addresses in the link header. */
  readonly link: string;
  readonly options: string;
  readonly extensions: string;
  /** 20 bits; 0 for IPv4. */
  readonly flowLabel: number;
  readonly vlan: string;
  readonly fragment: string;
  /** Identification of an IPv6 fragment, or of any IPv4 packet; offset in bytes. */
  readonly fragmentId?: number;
  readonly fragmentAt: number;
  readonly moreFragments: boolean;
  /** Bytes of extension headers that are cut with the datagram: behind the fragment header. */
  readonly carried: number;
  /** What is wrong with the headers, of those around it too. */
  readonly wrong: string;
  /** Absent: it is in no tunnel. All else is about the packet inside. */
  readonly outer?: ObservedOuter;
}

const FRAGMENT = 44;
const NONE: Observed = {
  link: '',
  options: '',
  extensions: '',
  flowLabel: 0,
  vlan: '',
  fragment: '',
  fragmentAt: 0,
  moreFragments: false,
  carried: 0,
  wrong: '',
};

/** `head`: everything before the payload, as hex. */
export function observe(head: string): Observed {
  const { layers, findings } = decode(Buffer.from(head, 'hex'));
  // The payload is not here, so that lengths cannot be held against it; the record has them.
  const wrong = findings
    .filter((finding) => !/bytes are there$|is cut$|UDP checksum/u.test(finding))
    .join(', ');
  const inside = layers.findIndex(({ layer }) => layer === 'vxlan') + 1;
  const seen = layers.slice(inside).reduce(add, { ...NONE, wrong });
  return inside === 0 ? seen : { ...seen, outer: observeOuter(layers.slice(0, inside)) };
}

function add(seen: Observed, layer: Layer): Observed {
  if (layer.layer === 'ethernet') return { ...seen, link: linkText(layer) };
  if (layer.layer === 'vlan') return { ...seen, vlan: joined(seen.vlan, tag(layer)) };
  if (layer.layer === 'ipv6') return { ...seen, flowLabel: layer.flowLabel };
  if (layer.layer === 'ipv4') {
    const { more, fragmentOffset, optionBytes, id } = layer;
    return { ...seen, options: optionBytes, ...fragmented(fragmentOffset, more, id) };
  }
  if (layer.layer !== 'extension') return seen;
  if (layer.header === FRAGMENT && layer.fragment)
    return {
      ...seen,
      extensions: joined(seen.extensions, extensionText({ header: FRAGMENT, body: '' })),
      ...fragmented(layer.fragment.offset, layer.fragment.more, layer.fragment.id),
    };
  const carried = seen.fragmentId === undefined ? 0 : seen.carried + 1 + layer.body.length / 2;
  return { ...seen, carried, extensions: joined(seen.extensions, extensionText(layer)) };
}

/** `0:…`: number and content. */
export function extensionText({ header, body }: Pick<Extension, 'header' | 'body'>): string {
  return `${header}:${body}`;
}

/** `8100/5/0`: protocol, VLAN, priority. */
export function tag({ tpid, id, priority }: Pick<Vlan, 'tpid' | 'id' | 'priority'>): string {
  return `${tpid.toString(16)}/${id}/${priority}`;
}

/** Texts of an outer and an inner thing. */
export function joined(first: string, second: string): string {
  return first === '' || second === '' ? first + second : `${first} ${second}`;
}

type Place = Pick<Observed, 'fragment' | 'fragmentId' | 'fragmentAt' | 'moreFragments'>;

function fragmented(offset: number, more: boolean, id: number): Place {
  const fragment = more || offset > 0 ? fragmentText({ offset, more }) : '';
  return { fragment, fragmentId: id, fragmentAt: offset, moreFragments: more };
}

/** In the notation of compare.ts. */
export function fragmentText({ offset, more }: Fragment): string {
  return `at ${offset}${more ? ' with more to come' : ', the last'}`;
}
