import { resources, type Client, type KubeObject, type ResourceType } from '@coxswain/client';
import { createUnlessThere } from './ensure.ts';
import { flowSchemas, priorityLevels } from './flow-control-objects.ts';

const autoUpdate = 'apf.kubernetes.io/autoupdate-spec';
const mandatory = new Set(['exempt', 'catch-all']);

interface Configured extends KubeObject {
  readonly spec?: unknown;
}

/** Everything that is wanted is so; what the server adds by default does not count. */
function agrees(wanted: unknown, existing: unknown): boolean {
  if (Array.isArray(wanted)) return Array.isArray(existing) && wanted.length === existing.length && wanted.every((item, index) => agrees(item, existing[index]));
  if (typeof wanted !== 'object' || wanted === null) return wanted === existing;
  if (typeof existing !== 'object' || existing === null) return false;
  return Object.entries(wanted).every(([key, value]) => agrees(value, (existing as Readonly<Record<string, unknown>>)[key]));
}

/** Whether its text is ours: said by the annotation, and without one as long as nobody has changed it. Some always are. */
function isKept({ metadata }: Configured): boolean {
  if (mandatory.has(metadata?.name ?? '')) return true;
  const said = metadata?.annotations?.[autoUpdate];
  return said === undefined ? metadata?.generation === 1 : said === 'true';
}

/** How many seats the exempt level counts as is the administrator's to say. */
function specKept(wanted: Configured): boolean {
  return !(wanted.kind === 'PriorityLevelConfiguration' && wanted.metadata?.name === 'exempt');
}

async function keep<T extends Configured>(client: Client, type: ResourceType<T>, wanted: readonly T[]): Promise<void> {
  const existing = new Map((await client.list(type)).items.map((one) => [one.metadata?.name, one]));
  for (const object of wanted) {
    const there = existing.get(object.metadata?.name);
    if (there === undefined) await createUnlessThere(client, type, object);
    else if (isKept(there) && specKept(object) && !agrees(object.spec, there.spec)) await client.update(type, { ...there, spec: object.spec });
  }
}

/** Run again and again: what is needed is made again where somebody deleted it, and what is ours gets its text back. */
export async function ensureFlowControl(client: Client): Promise<void> {
  await keep(client, resources.prioritylevelconfigurations, priorityLevels);
  await keep(client, resources.flowschemas, flowSchemas);
}
