/**
 * A route with a transform: an ESP state and an outgoing policy that demands it (include/uapi/linux/xfrm.h). A policy alone
 * is not enough: without a state the kernel hands out a blackhole route, on which a GSO send is no error.
 */
import { parsePrefix } from './addresses.ts';
import { attribute, NLM_F } from './netlink-message.ts';
import type { Netlink } from './netlink.ts';

const XFRM_MSG = { NEWSA: 0x10, NEWPOLICY: 0x13 } as const;
const XFRMA = { ALG_AUTH: 1, ALG_CRYPT: 2, TMPL: 5 } as const;
const IPPROTO_ESP = 50;
const POLICY_OUT = 1;
const SPI = 0x5e9;
const REQID = 1;
const SELECTOR = 56;
const LIFETIMES = 64 + 32;
const ALGORITHM_NAME = 64;

/** struct xfrm_selector: everything from one host to another. */
function selector(from: string, to: string): Buffer {
  const source = parsePrefix(from);
  const destination = parsePrefix(to);
  const bytes = Buffer.alloc(SELECTOR);
  destination.address.copy(bytes, 0);
  source.address.copy(bytes, 16);
  bytes.writeUInt16LE(destination.family, 40);
  bytes.writeUInt8(destination.length, 42);
  bytes.writeUInt8(source.length, 43);
  return bytes;
}

/** struct xfrm_lifetime_cfg and xfrm_lifetime_cur: no limits, nothing used. */
function lifetimes(): Buffer {
  const bytes = Buffer.alloc(LIFETIMES);
  return bytes.fill(0xff, 0, 32);
}

/** struct xfrm_algo with an empty key. */
function algorithm(name: string): Buffer {
  const bytes = Buffer.alloc(ALGORITHM_NAME + 4);
  bytes.write(name);
  return bytes;
}

/** Sends everything from `from` to `to` (addresses) through ESP in transport mode with no encryption. */
export function addTransform(netlink: Netlink, from: string, to: string): void {
  const source = parsePrefix(from);
  const destination = parsePrefix(to);

  // struct xfrm_usersa_info: selector, id {daddr, spi, proto}, saddr, lifetimes, stats, seq, reqid, family, mode …
  const state = Buffer.alloc(224);
  state.writeUInt16LE(destination.family, 40);
  destination.address.copy(state, SELECTOR);
  state.writeUInt32BE(SPI, SELECTOR + 16);
  state.writeUInt8(IPPROTO_ESP, SELECTOR + 20);
  source.address.copy(state, SELECTOR + 24);
  lifetimes().copy(state, SELECTOR + 40);
  const tail = SELECTOR + 40 + LIFETIMES + 12 + 4;
  state.writeUInt32LE(REQID, tail);
  state.writeUInt16LE(destination.family, tail + 4);
  netlink.change({
    what: 'cannot add an ESP state',
    type: XFRM_MSG.NEWSA,
    flags: NLM_F.CREATE | NLM_F.EXCL,
    body: [
      state,
      attribute(XFRMA.ALG_AUTH, algorithm('digest_null')),
      attribute(XFRMA.ALG_CRYPT, algorithm('ecb(cipher_null)')),
    ],
  });

  // struct xfrm_userpolicy_info: selector, lifetimes, priority, index, dir, action, flags, share
  const policy = Buffer.alloc(168);
  selector(from, to).copy(policy);
  lifetimes().copy(policy, SELECTOR);
  policy.writeUInt8(POLICY_OUT, SELECTOR + LIFETIMES + 8);
  // struct xfrm_user_tmpl: id {daddr, spi, proto}, family, saddr, reqid, mode, share, optional, algorithm masks
  const template = Buffer.alloc(64);
  destination.address.copy(template);
  template.writeUInt8(IPPROTO_ESP, 20);
  template.writeUInt16LE(destination.family, 24);
  source.address.copy(template, 28);
  template.writeUInt32LE(REQID, 44);
  template.fill(0xff, 52, 64);
  netlink.change({
    what: 'cannot add an outgoing policy',
    type: XFRM_MSG.NEWPOLICY,
    flags: NLM_F.CREATE | NLM_F.EXCL,
    body: [policy, attribute(XFRMA.TMPL, template)],
  });
}
