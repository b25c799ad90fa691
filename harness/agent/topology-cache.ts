/** Topologies that stand, by key: building one costs more than most cases do. */
import type { Topology } from '../contract/topology.ts';
import type { Namespaces } from './namespaces.ts';
import type { SystemCalls } from './sys.ts';
import { buildTopology } from './topology.ts';
import type { BuiltTopology } from './built-topology.ts';

/** Kept at a time; the one unused for longest goes first. */
const CAPACITY = 64;

export class TopologyCache {
  readonly #sys: SystemCalls;
  readonly #namespaces: Namespaces;
  /** Least recently used first. */
  readonly #standing = new Map<string, BuiltTopology>();

  constructor(sys: SystemCalls, namespaces: Namespaces) {
    this.#sys = sys;
    this.#namespaces = namespaces;
  }

  /** The topology and, when it had to be built, the calls that built it. */
  take(topology: Topology): { built: BuiltTopology; setup: readonly string[] } {
    const standing = this.#standing.get(topology.key);
    if (standing) {
      this.#standing.delete(topology.key);
      this.#standing.set(topology.key, standing);
      return { built: standing, setup: [] };
    }
    const [oldest] = this.#standing.keys();
    if (oldest !== undefined && this.#standing.size >= CAPACITY) this.drop(oldest);
    const built = buildTopology(topology, this.#sys, this.#namespaces);
    this.#standing.set(topology.key, built);
    return { built, setup: built.setup };
  }

  drop(key: string): void {
    this.#standing.get(key)?.dispose();
    this.#standing.delete(key);
  }

  dispose(): void {
    for (const key of [...this.#standing.keys()]) this.drop(key);
  }
}
