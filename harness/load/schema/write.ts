/** Writes the JSON Schema that editors read: `npm run schema`. */
import { writeFileSync } from 'node:fs';
import { schemaText } from './json-schema.ts';

const [, , target] = process.argv;
if (target === undefined) process.stdout.write(schemaText());
else writeFileSync(target, schemaText());
