/** Generic netlink, where each family has a number of its own on each machine: include/uapi/linux/genetlink.h. */
import { attribute, parseAttributes } from './netlink-message.ts';
import { NETLINK, Netlink } from './netlink.ts';
import type { SystemCalls } from './sys.ts';

/** GENL_ID_CTRL, the family that knows the others. */
const CONTROL = 0x10;
const CTRL_CMD_GETFAMILY = 3;
const CTRL_ATTR = { FAMILY_ID: 1, FAMILY_NAME: 2 } as const;
const VERSION = 1;
/** struct genlmsghdr */
const HEADER = 4;

/** One family, in the namespace it was asked for in. */
export class GenericNetlink {
  readonly #netlink: Netlink;
  readonly #family: number;

  /** @throws NetlinkError (ENOENT) when the kernel has no such family */
  constructor(sys: SystemCalls, family: string) {
    this.#netlink = new Netlink(sys, NETLINK.GENERIC);
    try {
      const asked = attribute(CTRL_ATTR.FAMILY_NAME, family);
      const body = [header(CTRL_CMD_GETFAMILY), asked];
      const [reply] = this.#netlink.request(`no netlink family ${family}`, CONTROL, 0, body);
      const id = reply && parseAttributes(reply.subarray(HEADER)).get(CTRL_ATTR.FAMILY_ID);
      if (!id) throw new Error(`the kernel did not say the number of netlink family ${family}`);
      this.#family = id.readUInt16LE(0);
    } catch (error) {
      this.#netlink.close();
      throw error;
    }
  }

  /** @throws NetlinkError naming `what` when the kernel refuses. */
  request(what: string, command: number, attributes: readonly Buffer[]): Buffer[] {
    return this.#netlink.request(what, this.#family, 0, [header(command), ...attributes]);
  }

  close(): void {
    this.#netlink.close();
  }
}

function header(command: number): Buffer {
  return Buffer.of(command, VERSION, 0, 0);
}
