/**
 * Collects what a server says about the columns of its tables.
 *
 *   node packages/api/scripts/make-columns.ts ../shared/data/recorded-answers-1.32.jsonl
 *
 * data/columns.json: { common: column → text said of it in several kinds, kinds: Kind → column → text }.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
/** Of kinds whose tables were not recorded (some are served only on request): seen at a server of 1.32.2. */
import seen from './columns-seen.json' with { type: 'json' };

interface Recorded {
  name: string;
  request: { path: string };
  response: { body?: { kind?: string; columnDefinitions?: { name: string; description: string }[] } };
}

const source = process.argv[2];
if (source === undefined) throw new Error('usage: make-columns.ts recorded-answers.jsonl');
const kinds: Record<string, Record<string, string>> = structuredClone(seen);
const count = new Map<string, number>();
for (const line of readFileSync(source, 'utf8').trim().split('\n')) {
  const { request, response } = JSON.parse(line) as Recorded;
  if (response.body?.kind !== 'Table') continue;
  const parts = request.path.split('/');
  const key = parts.at(-2) as string;
  const group = parts[1] === 'api' ? '' : (parts[2] as string);
  for (const column of response.body.columnDefinitions ?? []) {
    (kinds[`${group}/${key}`] ??= {})[column.name] = column.description;
    const text = `${column.name}\n${column.description}`;
    count.set(text, (count.get(text) ?? 0) + 1);
  }
}
const common: Record<string, string> = {};
for (const [text, times] of [...count].sort((left, right) => left[1] - right[1])) if (times > 1) common[text.slice(0, text.indexOf('\n'))] = text.slice(text.indexOf('\n') + 1);
for (const columns of Object.values(kinds)) for (const [name, text] of Object.entries(columns)) if (common[name] === text) delete columns[name];
const written = Object.fromEntries(Object.entries(kinds).filter(([, columns]) => Object.keys(columns).length > 0));
writeFileSync(join(import.meta.dirname, '..', 'data', 'columns.json'), `${JSON.stringify({ common, kinds: written })}\n`);
