/** Queueing disciplines over rtnetlink: include/uapi/linux/pkt_sched.h, rtnetlink.h. */
import { ETF_LEAD_MS } from '../contract/topology.ts';
import type { Qdisc } from '../contract/topology.ts';
import { attribute, nested, NLM_F } from './netlink-message.ts';
import type { Netlink } from './netlink.ts';

const RTM_NEWQDISC = 36;
const TCA = { KIND: 1, OPTIONS: 2 } as const;
const TC_H_ROOT = 0xffff_ffff;
/** Its major number; the kernel's own choice begins at 8000. */
const HANDLE = 0x0001_0000;
const TCA_ETF_PARMS = 1;
const CLOCK_TAI = 11;
const NS_PER_MS = 1_000_000;

/** Makes `kind` the root qdisc of device number `index`. etf goes by the TAI clock, the only one it takes. */
export function setQdisc(netlink: Netlink, index: number, kind: Qdisc): void {
  // struct tcmsg
  const header = Buffer.alloc(20);
  header.writeInt32LE(index, 4);
  header.writeUInt32LE(HANDLE, 8);
  header.writeUInt32LE(TC_H_ROOT, 12);
  const options = kind === 'etf' ? [nested(TCA.OPTIONS, attribute(TCA_ETF_PARMS, etf()))] : [];
  netlink.change({
    what: `cannot give a device the qdisc ${kind}`,
    type: RTM_NEWQDISC,
    flags: NLM_F.CREATE | NLM_F.REPLACE,
    body: [header, attribute(TCA.KIND, kind), ...options],
  });
}

/** struct tc_etf_qopt: delta, clockid, flags. */
function etf(): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeInt32LE(ETF_LEAD_MS * NS_PER_MS, 0);
  bytes.writeInt32LE(CLOCK_TAI, 4);
  return bytes;
}
