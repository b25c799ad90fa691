/** Renews what is made from the schemas: the JSON Schemas in fixtures/ and the reference in docs/case-language.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { otherSchemaText, schemaText } from './json-schema.ts';
import { knownIssuesSchema } from './known-issues.ts';
import { projectFileSchema } from './project-file.ts';
import { withReference } from './reference.ts';

const DOCUMENT = 'docs/case-language.md';
const files: Readonly<Record<string, string>> = {
  'fixtures/suite.schema.json': schemaText(),
  'fixtures/known-issues.schema.json': otherSchemaText('segproof known issues', knownIssuesSchema),
  'fixtures/segproof.schema.json': otherSchemaText('segproof project file', projectFileSchema),
  [DOCUMENT]: withReference(readFileSync(DOCUMENT, 'utf8')),
};
for (const [file, text] of Object.entries(files)) writeFileSync(file, text);
process.stderr.write(`wrote ${Object.keys(files).join(', ')}\n`);
