import type { ApiResource, JsonObject } from '../resource.ts';

/** One thing that can be asked of the server. */
export interface Operation {
  readonly path: string;
  readonly method: string;
  readonly id: string;
  /** list, get, post, put, patch, delete, deletecollection, watch, watchlist, connect; absent for discovery itself. */
  readonly action: string | null;
  /** `apps/v1/Deployment` */
  readonly gvk: string | null;
  readonly body: string | null;
  readonly response: string | null;
  readonly query: readonly string[];
  readonly codes: readonly string[];
  /** Of a custom resource, which has no protobuf and no strategic merge. */
  readonly custom?: true;
}

/** One served version of a custom resource. The same object as long as nothing of it changes. */
export interface CustomSchema {
  readonly resource: ApiResource;
  /** `openAPIV3Schema`; undefined: nothing is known. */
  readonly schema: JsonObject | undefined;
  readonly preserveUnknownFields: boolean;
  readonly selectablePaths: readonly string[];
}

/** Documentation of types and fields, where some is to be had. */
export interface FieldTexts {
  ofType(typeName: string): string | undefined;
  ofField(typeName: string, field: string): string | undefined;
}

export type OpenApiVersion = 2 | 3;

/** v2 keeps schemas at `#/definitions/`, v3 at `#/components/schemas/`. */
export function reference(typeName: string, version: OpenApiVersion): JsonObject {
  return { $ref: version === 2 ? `#/definitions/${typeName}` : `#/components/schemas/${typeName}` };
}
