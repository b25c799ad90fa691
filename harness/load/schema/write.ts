/** Renews what is made from the schemas: the JSON Schemas in fixtures/ and the reference in docs/case-language.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { publishedSchemas } from './json-schema.ts';
import { withReference } from './reference.ts';

const DOCUMENT = 'docs/case-language.md';
const files: Readonly<Record<string, string>> = {
  ...publishedSchemas(),
  [DOCUMENT]: withReference(readFileSync(DOCUMENT, 'utf8')),
};
for (const [file, text] of Object.entries(files)) writeFileSync(file, text);
process.stderr.write(`wrote ${Object.keys(files).join(', ')}\n`);
