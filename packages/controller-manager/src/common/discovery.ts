import { resource, type Client, type KubeObject, type ResourceType } from '@coxswain/client';
import { fromUtf8 } from '@coxswain/host';

export interface Discovered extends ResourceType {
  readonly verbs: readonly string[];
}

export interface Discovery {
  readonly resources: readonly Discovered[];
  /** Group versions that did not answer (an aggregated API that is down): what they hold is not known. */
  readonly failed: readonly string[];
}

async function fetchJson(client: Client, target: string): Promise<unknown> {
  const { status, body } = await client.raw({ method: 'GET', target, headers: { accept: 'application/json' } });
  if (status !== 200) throw new Error(`GET ${target}: ${status}`);
  return JSON.parse(fromUtf8(body));
}

interface ApiResourceList { readonly resources?: readonly { readonly name: string; readonly kind: string; readonly namespaced: boolean; readonly verbs: readonly string[] | null; readonly group?: string; readonly version?: string }[] }

function listed(group: string, version: string, list: ApiResourceList): Discovered[] {
  return (list.resources ?? []).filter((found) => !found.name.includes('/'))
    .map((found) => ({ ...resource<KubeObject>(group, version, found.name, found.kind, found.namespaced), verbs: found.verbs ?? [] }));
}

/** Every resource that the server has now, once a group: at the version that the group prefers. */
export async function discoverPreferred(client: Client): Promise<Discovery> {
  const core = listed('', 'v1', await fetchJson(client, '/api/v1') as ApiResourceList);
  const groups = (await fetchJson(client, '/apis') as { readonly groups?: readonly Group[] }).groups ?? [];
  const failed: string[] = [];
  const rest = await Promise.all(groups.map((group) => discoverGroup(client, group, failed)));
  return { resources: [...core, ...rest.flat()], failed };
}

interface Group { readonly name: string; readonly versions: readonly { readonly version: string }[]; readonly preferredVersion?: { readonly version: string } }

/** A resource that only another version has counts too. */
async function discoverGroup(client: Client, group: Group, failed: string[]): Promise<Discovered[]> {
  const preferred = group.preferredVersion?.version;
  const versions = group.versions.map(({ version }) => version).toSorted((a, b) => Number(b === preferred) - Number(a === preferred));
  const found = new Map<string, Discovered>();
  for (const version of versions) {
    try {
      for (const type of listed(group.name, version, await fetchJson(client, `/apis/${group.name}/${version}`) as ApiResourceList)) {
        if (!found.has(type.resource)) found.set(type.resource, type);
      }
    } catch {
      failed.push(`${group.name}/${version}`);
    }
  }
  return [...found.values()];
}
