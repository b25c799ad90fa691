/** The suite schema as JSON Schema, for editors (`# yaml-language-server: $schema=…`). */
import { z } from 'zod';
import { suiteSchema } from './suite.ts';

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

/** The text of fixtures/suite.schema.json. */
export function schemaText(): string {
  return `${JSON.stringify(suiteJsonSchema(), null, 2)}\n`;
}

/** The text of a schema file other than the suites'. */
export function otherSchemaText(title: string, schema: z.ZodType): string {
  const { $schema, ...rest } = z.toJSONSchema(schema, { target: 'draft-7', io: 'input' });
  return `${JSON.stringify({ $schema, title, ...rest }, null, 2)}\n`;
}
