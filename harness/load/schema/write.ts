/** Renews what is made from the schemas: fixtures/suite.schema.json and the reference in docs/case-language.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { schemaText } from './json-schema.ts';
import { withReference } from './reference.ts';

const SCHEMA = 'fixtures/suite.schema.json';
const DOCUMENT = 'docs/case-language.md';

writeFileSync(SCHEMA, schemaText());
writeFileSync(DOCUMENT, withReference(readFileSync(DOCUMENT, 'utf8')));
process.stderr.write(`wrote ${SCHEMA} and ${DOCUMENT}\n`);
