/** A project as bytes and back: reading them takes a twentieth of the time that reading and checking its files does. */
import { deserialize, serialize } from 'node:v8';
import type { Location } from '../contract/result.ts';
import type { Case } from './case.ts';
import { AnswerView } from './probe.ts';
import type { Project } from './project.ts';
import { pathName, type Path, type Places, type YamlFile } from './yaml-file.ts';

/** A file of which only the places are left. Its text was found good, so nobody asks what stood there. */
class StoredFile implements YamlFile {
  readonly file: string;
  readonly value = undefined;
  readonly known: Places;

  constructor(file: string, known: Places) {
    this.file = file;
    this.known = known;
  }

  at(path: Path): Location {
    return this.place(path, 'at');
  }

  key(path: Path): Location {
    return this.place(path, 'key');
  }

  inside(path: Path): Location {
    return this.at(path);
  }

  source(): undefined {
    return undefined;
  }

  places(): Places {
    return this.known;
  }

  private place(path: Path, spot: 'at' | 'key'): Location {
    for (let length = path.length; length >= 0; length--) {
      const found = this.known.get(pathName(path.slice(0, length)));
      if (found) {
        const [line, column] = found[spot];
        return { file: this.file, line, column };
      }
    }
    return { file: this.file, line: 1, column: 1 };
  }
}

/** The bytes of a project without problems. */
export function pack(project: Project): Buffer {
  const stored = new Map<YamlFile, YamlFile>();
  const store = (file: YamlFile): YamlFile => {
    const known =
      stored.get(file) ??
      (file instanceof AnswerView
        ? new AnswerView(store(file.whole), file.base, file.yaml, file.answer)
        : new StoredFile(file.file, file.places()));
    stored.set(file, known);
    return known;
  };
  return serialize(withFiles(project, store));
}

/** The project in bytes that {@link pack} made. Throws when they hold none. */
export function unpack(bytes: Uint8Array): Project {
  return withFiles(deserialize(bytes) as Project, revive);
}

/** Serialising keeps what an object holds but not what it is. */
function revive(file: YamlFile): YamlFile {
  if ('whole' in file) {
    const view = file as AnswerView;
    revive(view.whole);
    return Object.setPrototypeOf(view, AnswerView.prototype) as YamlFile;
  }
  return Object.setPrototypeOf(file, StoredFile.prototype) as YamlFile;
}

function withFiles(project: Project, change: (file: YamlFile) => YamlFile): Project {
  const changed = (one: Case): Case => ({ ...one, file: change(one.file) });
  const { suites, topologies, behaviours } = project;
  return {
    ...project,
    suites: suites.map((suite) => ({
      ...suite,
      file: change(suite.file),
      cases: suite.cases.map(changed),
    })),
    topologies: new Map([...topologies].map(([name, one]) => [name, { ...one, file: change(one.file) }])),
    behaviours: {
      ...behaviours,
      list: behaviours.list.map((one) => ({
        ...one,
        probe: { has: changed(one.probe.has), lacks: changed(one.probe.lacks) },
      })),
    },
  };
}
