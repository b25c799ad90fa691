/** What expressions need to know of the behaviours: their names and the constants they change. */
export interface BehaviourTable {
  readonly names: ReadonlySet<string>;
  /** Value of each constant on a kernel without any behaviour. */
  readonly constants: Readonly<Record<string, number>>;
  /** Constant → behaviours that change it, and to what. */
  /** False when their file has problems: then a name that is not here may still exist. */
  readonly complete: boolean;
  readonly implied: ReadonlyMap<string, readonly { readonly behaviour: string; readonly value: number }[]>;
}

export const NO_BEHAVIOURS: BehaviourTable = {
  names: new Set(),
  constants: {},
  complete: true,
  implied: new Map(),
};
