import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { decodeObject } from '../decode/index.ts';
import { typeOfKind } from '../description/resources.ts';
import { stringifyObject } from './encode.ts';

const folder = join(import.meta.dirname, '../../../../../shared/data/wire-vectors');
const present = existsSync(folder);
if (!present) console.log('skipped: ../shared/data/wire-vectors is absent');
const files = present ? readdirSync(folder).filter((file) => file.endsWith('.json')) : [];

function typeOfFile(file: string): string {
  const [, group, version, kind] = /^(.*)\.(v[0-9a-z]+)\.([A-Za-z]+)\.json$/.exec(file) as unknown as [string, string, string, string];
  const type = typeOfKind(group === 'core' ? '' : group, version, kind);
  if (type === undefined) throw new Error(`no type for ${file}`);
  return type;
}

describe.skipIf(!present)('JSON of the wire vectors', () => {
  test.each(files)('%s decodes, and encodes to the same bytes', (file) => {
    const text = readFileSync(join(folder, file), 'utf8');
    const type = typeOfFile(file);
    const decoded = decodeObject(type, text);
    expect(decoded.strictErrors).toEqual([]);
    expect(JSON.stringify(decoded.object, null, 2)).toBe(text);
    expect(stringifyObject(type, decoded.object)).toBe(JSON.stringify(JSON.parse(text)));
  });
});
