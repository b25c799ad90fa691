/** A parsed YAML file: its value, and where each part of it stands. */
import { isMap, isScalar, isSeq, type Document, type Node } from 'yaml';
import type { Location } from '../contract/result.ts';

export type Path = readonly (string | number)[];

/** A parsed file: its value and where each part of it stands. */
export interface YamlFile {
  readonly file: string;
  readonly value: unknown;
  /** Place of the value at `path`; of the nearest enclosing value when there is none. */
  at(path: Path): Location;
  /** Place of the key that `path` ends in; of the list item where it ends in an index. */
  key(path: Path): Location;
  /** Place of character `offset` of the text at `path`, where the text stands in one piece; else its start. */
  inside(path: Path, offset: number): Location;
  /** The scalar at `path` as written: `6.10`, not 6.1. */
  source(path: Path): string | undefined;
  /** The places of everything in the file, for one that is kept without its text. */
  places(): Places;
}

/** Where the value and, in a mapping, the key at a path stand: `[line, column]`. Paths are joined by {@link pathName}. */
export type Places = ReadonlyMap<string, { readonly at: Spot; readonly key: Spot }>;
type Spot = readonly [line: number, column: number];

/** A path as a name that no other path has: keys hold no NUL, see requirePrintable. */
export function pathName(path: Path): string {
  return path.join('\0');
}

/** Offset at which a node starts. */
export function start(node: unknown): number {
  return (node as Node).range?.[0] ?? 0;
}

/** A file as the YAML parser gave it. */
export class Parsed implements YamlFile {
  readonly file: string;
  readonly value: unknown;
  readonly #document: Document.Parsed;
  readonly #place: (offset: number) => Location;
  /** Places asked for before: every variant asks for those of its case. */
  readonly #known = new Map<string, Location>();

  constructor(file: string, document: Document.Parsed, place: (offset: number) => Location) {
    this.file = file;
    this.value = document.toJS({ maxAliasCount: 0 });
    this.#document = document;
    this.#place = place;
  }

  at(path: Path): Location {
    return this.#once(path, 'at', ({ value }) => value);
  }

  key(path: Path): Location {
    return this.#once(path, 'key', ({ key, value }) => key ?? value);
  }

  #once(path: Path, spot: string, pick: (found: { key?: unknown; value: unknown }) => unknown): Location {
    const name = `${spot} ${path.join(' ')}`;
    let known = this.#known.get(name);
    if (!known) {
      known = this.#place(start(pick(this.#find(path))));
      this.#known.set(name, known);
    }
    return known;
  }

  inside(path: Path, offset: number): Location {
    const { value } = this.#find(path);
    if (!isScalar(value) || value.type === 'BLOCK_FOLDED' || value.type === 'BLOCK_LITERAL')
      return this.at(path);
    const [from, to] = value.range ?? [0, 0];
    const skip = value.type === 'PLAIN' ? 0 : 1;
    // Escapes and folded lines move characters; then only the start is sure.
    return this.#place(to - from - 2 * skip === String(value.value).length ? from + skip + offset : from);
  }

  source(path: Path): string | undefined {
    const { value } = this.#find(path);
    return isScalar(value) ? value.source : undefined;
  }

  places(): Places {
    const places = new Map<string, { at: Spot; key: Spot }>();
    const spot = (node: unknown): Spot => {
      const { line, column } = this.#place(start(node));
      return [line, column];
    };
    const add = (path: Path, value: unknown, key: unknown): void => {
      places.set(pathName(path), { at: spot(value), key: spot(key) });
      if (isMap(value)) {
        for (const item of value.items)
          if (isScalar(item.key)) add([...path, String(item.key.value)], item.value ?? item.key, item.key);
      } else if (isSeq(value)) {
        for (const [i, item] of value.items.entries()) add([...path, i], item, item);
      }
    };
    add([], this.#document.contents, this.#document.contents);
    return places;
  }

  #find(path: Path): { key?: unknown; value: unknown } {
    let found: { key?: unknown; value: unknown } = { value: this.#document.contents };
    for (const step of path) {
      const node = found.value;
      let next: { key?: unknown; value: unknown } | undefined;
      if (isMap(node)) {
        const pair = node.items.find((item) => isScalar(item.key) && item.key.value === String(step));
        next = pair && { key: pair.key, value: pair.value ?? pair.key };
      } else if (isSeq(node)) {
        const item = node.items[Number(step)];
        next = item === undefined ? undefined : { value: item };
      }
      if (!next) return found;
      found = next;
    }
    return found;
  }
}
