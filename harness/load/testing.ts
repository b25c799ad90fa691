/** For tests: suites, topologies and behaviours written in the test itself. */
import { suiteFrom } from './suite.ts';
import { behavioursFrom, type Behaviours } from './behaviours.ts';
import type { Surroundings } from './case.ts';
import type { Project } from './project.ts';
import { formatProblem, sortProblems, withoutEchoes } from './problem.ts';
import { topologyFrom, type TopologyFile } from './topology.ts';
import { parseYaml } from './yaml.ts';
import { type YamlFile } from './yaml-file.ts';

const LOOPBACK = `
title: lo
parameters: { mtu: 1500 }
namespaces:
  host: { links: [{ name: lo, mtu: mtu, addresses: [10.0.0.1/32, 'fd00::1/128'] }] }
sender: { ns: host, ipv4: 10.0.0.1, ipv6: 'fd00::1' }
receiver: { ns: host, ipv4: 10.0.0.1, ipv6: 'fd00::1' }
wire: { ns: host, dev: lo }
`;
const SINK = `
title: a device that swallows everything
parameters: { mtu: 1500, uso: false }
namespaces:
  host: { links: [{ name: sink, kind: dummy, mtu: mtu, features: { tx-udp-segmentation: $uso } }] }
sender: { ns: host }
receiver: { ns: host, ipv4: 10.0.0.1, ipv6: 'fd00::1', receives: false }
wire: { ns: host, dev: sink }
`;
const IFB = SINK.replace('kind: dummy', 'kind: ifb').replace(', receives: false', '');
const BEHAVIOURS = `
constants: { max_segments: 64 }
behaviours:
  max-128-segments:
    summary: One send may carry 128 segments.
    commit: 1382e3b6a350
    subject: 'net: change maximum number of UDP segments to 128'
    since: '6.9-rc5'
    stable: ['6.6.29']
    implies: { max_segments: 128 }
    probe:
      { topology: loopback, family: ipv4, send: { bytes: 65, gso: 1 }, has: { datagrams: [{ repeat: 65, bytes: 1 }] }, lacks: { error: EINVAL } }
  small-send-ignores-gso-size:
    summary: A payload that fits is sent.
    commit: 235174b2bed8
    subject: 'udp: gso: do not drop small packets when PMTU reduces'
    since: '6.14-rc2'
    probe:
      topology: loopback
      family: ipv4
      steps:
        - open: { socket: s }
        - send: { socket: s, to: receiver, bytes: 100, gso: 2000 }
          has: { returns: 100 }
          lacks: { error: EINVAL }
`;

/** The parsed text; throws when it has problems. */
export function yaml(text: string, name = 'test.yaml'): YamlFile {
  const { file, problems } = parseYaml(text, name);
  if (!file) throw new Error(problems.map(formatProblem).join('\n'));
  return file;
}

function topologies(): Map<string, TopologyFile> {
  const texts = { loopback: LOOPBACK, sink: SINK, ifb: IFB };
  return new Map(
    Object.entries(texts).map(([name, text]) => {
      const { topology, problems } = topologyFrom(yaml(text, `${name}.yaml`), name);
      if (!topology || problems.length > 0) throw new Error(problems.map(formatProblem).join('\n'));
      return [name, topology];
    }),
  );
}

/** What suites stand in: three topologies and two behaviours. */
export function surroundings(): Surroundings & { readonly behaviours: Behaviours } {
  const around = { topologies: topologies(), broken: new Set<string>() };
  const { behaviours, problems } = behavioursFrom(yaml(BEHAVIOURS, 'behaviours.yaml'), around);
  if (problems.length > 0) throw new Error(problems.map(formatProblem).join('\n'));
  return { ...around, behaviours };
}

/** A project of one suite, `area/test`, from its text. */
export function projectOf(text: string): Project {
  const around = surroundings();
  const { file, problems: syntax } = parseYaml(text, 'test.yaml');
  const { suite, problems } = file ? suiteFrom(file, 'area/test', around) : { suite: null, problems: [] };
  return {
    suites: suite ? [suite] : [],
    knownIssues: [],
    topologies: around.topologies,
    behaviours: around.behaviours,
    problems: sortProblems(withoutEchoes(syntax, problems)),
  };
}

/** A suite around the text of its cases; `head` replaces or adds lines of the suite. */
export function suiteText(cases: string, head = ''): string {
  return `title: test\nsource: [a man page]\ntopology: loopback\naxes:\n  family: [ipv4, ipv6]\n${head}cases:\n${cases}`;
}
