import { resources, type Client } from '@coxswain/client';
import { createUnlessThere } from './ensure.ts';
import { flowSchemas, priorityLevels } from './flow-control-objects.ts';

/** Objects that exist are left alone: an administrator may have changed them. */
export async function ensureFlowControl(client: Client): Promise<void> {
  const levels = new Set((await client.list(resources.prioritylevelconfigurations)).items.map((one) => one.metadata?.name));
  for (const level of priorityLevels) if (!levels.has(level.metadata?.name)) await createUnlessThere(client, resources.prioritylevelconfigurations, level);
  const schemas = new Set((await client.list(resources.flowschemas)).items.map((one) => one.metadata?.name));
  for (const schema of flowSchemas) if (!schemas.has(schema.metadata?.name)) await createUnlessThere(client, resources.flowschemas, schema);
}
