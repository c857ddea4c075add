import { Schema, type SchemaNode } from '@coxswain/etcd-lite/wire';
import description from '../../../../proto/coxswain-fastpath-v1.json' with { type: 'json' };

/** Exactly one of `bind`, `status`, `event`, `lease` and `delete` is set; what each means is said by the REST request that it stands for. */
export interface FastPathItem {
  readonly namespace: string;
  readonly name: string;
  /** POST …/pods/NAME/binding. */
  readonly bind?: { readonly uid: string; readonly node: string } | undefined;
  /** PUT …/RESOURCE/NAME/status of a JSON body, or a patch of it: `patchType` is then the media type. */
  readonly status?: { readonly apiVersion: string; readonly resource: string; readonly body: Uint8Array; readonly patchType: string } | undefined;
  /** POST …/events. */
  readonly event?: { readonly apiVersion: string; readonly body: Uint8Array } | undefined;
  /** PUT of a coordination.k8s.io/v1 Lease. */
  readonly lease?: { readonly body: Uint8Array } | undefined;
  /**
   * DELETE …/RESOURCE/NAME with DeleteOptions as JSON; an empty body: none. With a `statusPatchType` PATCH …/RESOURCE/NAME/status comes before, and if that is
   * refused, its answer is the item's and nothing is deleted.
   */
  readonly delete?: { readonly apiVersion: string; readonly resource: string; readonly body: Uint8Array; readonly status?: Uint8Array; readonly statusPatchType?: string } | undefined;
}

export interface FastPathAnswer {
  /** HTTP's. */
  readonly code: number;
  /** The JSON that REST would answer. */
  readonly body: Uint8Array;
}

export interface FastPathWatch {
  /** The client's name for it in answers. */
  readonly id: number;
  readonly apiVersion: string;
  readonly resource: string;
  readonly namespace: string;
  /** `resourceVersion=1&labelSelector=a%3Db`; `watch=true` is added. */
  readonly query: string;
}

export interface FastPathWatched {
  readonly id: number;
  /** HTTP's, in the first answer of a watch. */
  readonly code: number;
  /** Whole lines, each an event in JSON; with a code of 300 and more, a Status. */
  readonly body: Uint8Array;
  readonly ended: boolean;
}

export interface FastPathWrite {
  readonly items: readonly FastPathItem[];
  /** Answers with a code below 300 have no body. A server that does not know of it sends all. */
  readonly refusalsOnly?: boolean;
}

const schema = new Schema(description as unknown as SchemaNode);
const prefix = 'coxswain.fastpath.v1';

export const fastPathCodecs = {
  writeRequest: schema.codec<FastPathWrite>(`${prefix}.WriteRequest`),
  writeResponse: schema.codec<{ readonly answers: readonly FastPathAnswer[] }>(`${prefix}.WriteResponse`),
  watchRequest: schema.codec<{ readonly watches: readonly FastPathWatch[] }>(`${prefix}.WatchRequest`),
  watchResponse: schema.codec<FastPathWatched>(`${prefix}.WatchResponse`),
} as const;

export const fastPathMethods = { write: `/${prefix}.FastPath/Write`, watch: `/${prefix}.FastPath/Watch` } as const;
/** Of one Write. */
export const maxFastPathItems = 500;
