/** The schemas of all files that people write as JSON Schemas, for editors (`# yaml-language-server: $schema=…`). */
import { z } from 'zod';
import { knownIssuesSchema } from './known-issues.ts';
import { projectFileSchema } from './project-file.ts';
import { behavioursSchema, suiteSchema, topologySchema } from './suite.ts';

/** Draft 7: what the YAML language server understands best. */
export function suiteJsonSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(suiteSchema, { target: 'draft-7', io: 'input' });
  return {
    $schema,
    title: 'segproof suite',
    description: 'Cases about one rule area; docs/case-language.md explains every key.',
    ...schema,
  };
}

/** The text of the suites' schema file. */
export function schemaText(): string {
  return `${JSON.stringify(suiteJsonSchema(), null, 2)}\n`;
}

/** The text of every schema file, by its path in the project. */
export function publishedSchemas(): Readonly<Record<string, string>> {
  return {
    'fixtures/suite.schema.json': schemaText(),
    'fixtures/topology.schema.json': otherSchemaText('segproof topology', topologySchema),
    'fixtures/behaviours.schema.json': otherSchemaText('segproof behaviours', behavioursSchema),
    'fixtures/known-issues.schema.json': otherSchemaText('segproof known issues', knownIssuesSchema),
    'fixtures/segproof.schema.json': otherSchemaText('segproof project file', projectFileSchema),
  };
}

/** The text of a schema file other than the suites'. */
function otherSchemaText(title: string, schema: z.ZodType): string {
  const { $schema, ...rest } = z.toJSONSchema(schema, { target: 'draft-7', io: 'input' });
  return `${JSON.stringify({ $schema, title, ...rest }, null, 2)}\n`;
}
