/** How the agent is started: with the wrong endpoint or segmenter that `--endpoint` names, if any. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Standalone } from '../../vm/guest.ts';
import { EXIT, UserError } from './exit.ts';
import { root } from './version.ts';

/** Begins the name of a wrong segmenter, for NICs in user space. */
const SEGMENTER = 'segmenter:';

/** The compiled agent, with the wrong endpoint or segmenter it is to load, if any. */
export function agentCommand(endpoint?: string): string[] {
  const agent = [process.execPath, join(root, 'dist/start-agent.cjs')];
  if (endpoint === undefined) return agent;
  if (endpoint.startsWith(SEGMENTER)) {
    const index = join(root, 'dist/fixtures/segmenter/index.js');
    return ['env', `SEGPROOF_SEGMENTER=${endpoint.slice(SEGMENTER.length)}:${index}`, ...agent];
  }
  const module = endpoint.includes('/')
    ? resolve(endpoint)
    : join(root, 'dist/fixtures/endpoints', `${endpoint}.js`);
  if (!existsSync(module))
    throw new UserError(EXIT.usage, `there is no endpoint ${JSON.stringify(endpoint)} in fixtures/endpoints`);
  return ['env', `SEGPROOF_ENDPOINT=${module}`, ...agent];
}

/** A segmenter that does not exist is the user's mistake, and shall not look like a dead agent. */
export async function requireSegmenter(endpoint = ''): Promise<void> {
  if (!endpoint.startsWith(SEGMENTER)) return;
  const { WRONG_SEGMENTERS } = await import('../../fixtures/segmenter/index.ts');
  const name = endpoint.slice(SEGMENTER.length);
  const names = WRONG_SEGMENTERS.map((one) => one.name);
  if (!names.includes(name))
    throw new UserError(
      EXIT.usage,
      `there is no segmenter ${JSON.stringify(name)} in fixtures/segmenter`,
      `there are: ${names.join(', ')}`,
    );
}

/**
 * All that the agent reads from where it is installed: a guest needs nothing else of this machine. Undefined for a wrong endpoint or
 * segmenter, which may import what it likes.
 */
export function agentFiles(endpoint?: string): Standalone | undefined {
  if (endpoint !== undefined) return undefined;
  const koffi = ['koffi/package.json', 'koffi/index.cjs', 'koffi/src', '@koromix'];
  const built = ['start-agent.cjs', 'agent.cjs', 'agent.bytecode', 'agent.emulated.bytecode', 'payload.pool'];
  const files = [
    ...koffi.map((name) => join('node_modules', name)),
    ...built.map((name) => join('dist', name)),
  ];
  return { base: root, files: ['package.json', ...files] };
}
