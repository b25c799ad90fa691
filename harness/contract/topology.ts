/** A topology with every parameter fixed: the namespaces, links, addresses and features a case runs over. */
export interface Topology {
  readonly name: string;
  /** Same key, same topology: lets the agent keep one built topology for many cases. */
  readonly key: string;
  readonly namespaces: Readonly<Record<string, Namespace>>;
}

export interface Namespace {
  readonly links: readonly Link[];
  readonly routes: readonly Route[];
  /** Keys as in /proc/sys with slashes, e.g. `net/ipv4/ip_no_pmtu_disc`. */
  readonly sysctls: Readonly<Record<string, string>>;
}

export interface Link {
  readonly name: string;
  /** `lo` exists in every namespace; all others are created in the order given. */
  readonly kind: 'lo' | 'dummy' | 'ifb' | 'veth' | 'tap';
  /**
   * veth: the other end. Created together; the peer's own entry then only configures it. tap: what the agent carries
   * its frames to, as a NIC that segments and checksums them would.
   */
  readonly peer?: { readonly ns: string; readonly name: string };
  /** In bytes. */
  readonly mtu?: number;
  readonly up: boolean;
  /** `address/prefix`; IPv6 ones are added without duplicate address detection. */
  readonly addresses: readonly string[];
  /** ethtool feature names with the wanted state, applied in this order. */
  readonly features: Readonly<Record<string, boolean>>;
  /** Static neighbours: address → MAC of a device (`ns/dev`) or a literal. */
  readonly neighbours?: Readonly<Record<string, string>>;
}

export interface Route {
  /** `address/prefix` */
  readonly to: string;
  readonly dev: string;
  /** RTAX_MTU in bytes. */
  readonly mtu?: number;
  /** In the local table as a local route (replaces the automatic one). */
  readonly local?: boolean;
}
