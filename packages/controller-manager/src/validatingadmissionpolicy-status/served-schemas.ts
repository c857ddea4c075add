import { nameDeclType, schemaDeclType, type DeclType, type JsonObject } from '@coxswain/cel';
import type { Client } from '@coxswain/client';
import type { Kind, Schemas } from './type-checking.ts';

interface Document {
  readonly components?: { readonly schemas?: Readonly<Record<string, JsonObject>> };
}

interface ResourceList {
  readonly resources?: readonly { readonly name: string; readonly kind: string }[];
}

const pathOf = (group: string, version: string): string => (group === '' ? `api/${version}` : `apis/${group}/${version}`);
const refPrefix = '#/components/schemas/';

function isOfKind(schema: JsonObject, { group, version, kind }: Kind): boolean {
  const kinds = schema['x-kubernetes-group-version-kind'];
  return Array.isArray(kinds) && kinds.some((one) => {
    const { group: itsGroup, version: itsVersion, kind: itsKind } = one as { readonly group?: string; readonly version?: string; readonly kind?: string };
    return itsGroup === group && itsVersion === version && itsKind === kind;
  });
}

/** As discovery and /openapi/v3 tell them. Asks for each document once: make one for each policy, for kinds come and go. */
export function servedSchemas(client: Pick<Client, 'raw'>): Schemas {
  const known = new Map<string, Promise<unknown>>();
  const fetch = async (target: string): Promise<unknown> => {
    const { status, body } = await client.raw({ method: 'GET', target, headers: { accept: 'application/json' } });
    if (status === 404) return undefined;
    if (status !== 200) throw new Error(`GET ${target}: ${status}`);
    return JSON.parse(new TextDecoder().decode(body));
  };
  const get = (target: string): Promise<unknown> => {
    const found = known.get(target) ?? fetch(target);
    known.set(target, found);
    return found;
  };
  return {
    async kindOf(group, version, resource) {
      const list = await get(`/${pathOf(group, version)}`) as ResourceList | undefined;
      const found = list?.resources?.find(({ name }) => name === resource);
      return found === undefined ? undefined : { group, version, kind: found.kind };
    },
    async declType(kind): Promise<DeclType | undefined> {
      const document = await get(`/openapi/v3/${pathOf(kind.group, kind.version)}`) as Document | undefined;
      const schemas = document?.components?.schemas ?? {};
      const schema = Object.values(schemas).find((one) => isOfKind(one, kind));
      const type = schema === undefined ? undefined : schemaDeclType(schema, { isResourceRoot: true, resolveRef: (ref) => schemas[ref.slice(refPrefix.length)] });
      return type === undefined ? undefined : nameDeclType(type, kind.kind);
    },
  };
}
