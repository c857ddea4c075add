/**
 * Collects what a server says about the columns of its tables.
 *
 *   node packages/api/scripts/make-columns.ts ../shared/data/recorded-answers-1.32.jsonl
 *
 * data/columns.json: { common: column → text said of it in several kinds, kinds: Kind → column → text }.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface Recorded {
  name: string;
  request: { path: string };
  response: { body?: { kind?: string; columnDefinitions?: { name: string; description: string }[] } };
}

/** Kinds that a default server does not serve (seen at one that does). */
const unrecorded: Record<string, Record<string, string>> = {
  'resource.k8s.io/resourceclaims': { State: 'A summary of the current state (allocated, pending, reserved, etc.).' },
  'resource.k8s.io/resourceslices': {
    Node: [
      'NodeName identifies the node which provides the resources in this pool. A field selector can be used to list only ResourceSlice objects belonging to a certain node.',
      'This field can be used to limit access from nodes to ResourceSlices with the same node name. It also indicates to autoscalers that adding new nodes of the same type as some old node might also make new resources available.',
      'Exactly one of NodeName, NodeSelector and AllNodes must be set. This field is immutable.',
    ].join('\n\n'),
    Driver: [
      'Driver identifies the DRA driver providing the capacity information. A field selector can be used to list only ResourceSlice objects with a certain driver name.',
      'Must be a DNS subdomain and should end with a DNS domain owned by the vendor of the driver. This field is immutable.',
    ].join('\n\n'),
    Pool: [
      'Name is used to identify the pool. For node-local devices, this is often the node name, but this is not required.',
      'It must not be longer than 253 characters and must consist of one or more DNS sub-domains separated by slashes. This field is immutable.',
    ].join('\n\n'),
  },
};

const source = process.argv[2];
if (source === undefined) throw new Error('usage: make-columns.ts recorded-answers.jsonl');
const kinds: Record<string, Record<string, string>> = {};
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
Object.assign(kinds, unrecorded);
const common: Record<string, string> = {};
for (const [text, times] of [...count].sort((left, right) => left[1] - right[1])) if (times > 1) common[text.slice(0, text.indexOf('\n'))] = text.slice(text.indexOf('\n') + 1);
for (const columns of Object.values(kinds)) for (const [name, text] of Object.entries(columns)) if (common[name] === text) delete columns[name];
const written = Object.fromEntries(Object.entries(kinds).filter(([, columns]) => Object.keys(columns).length > 0));
writeFileSync(join(import.meta.dirname, '..', 'data', 'columns.json'), `${JSON.stringify({ common, kinds: written })}\n`);
