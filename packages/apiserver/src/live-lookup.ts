import { StatusError, type JsonObject, type StatusReason } from '@coxswain/api';
import { ApiError, type Client, type KubeObject, type ResourceType } from '@coxswain/client';
import type { CacheReader } from './types.ts';
import { typed, untyped } from './typed.ts';

export type Lookup = <T extends KubeObject>(type: ResourceType<T>, namespace: string, name: string, accept?: (object: T) => boolean) => Promise<T | undefined>;

/** True for a refusal with that code, whether it was thrown here or came through the client. */
export function hasCode(error: unknown, code: number): boolean {
  if (error instanceof StatusError) return error.code === code;
  return error instanceof Error && 'code' in error && error.code === code;
}

/**
 * Reads the cache, and the store only if the cache does not have the object or has one that `accept` refuses: the cache may lag
 * behind what the asker has just been told. What the store says is final.
 */
export function liveLookup(cache: CacheReader, client: Client): Lookup {
  return async <T extends KubeObject>(type: ResourceType<T>, namespace: string, name: string, accept: (object: T) => boolean = () => true) => {
    const cached: JsonObject | undefined = cache.get(type.group, type.resource, namespace, name);
    if (cached !== undefined && accept(typed<T>(cached))) return typed<T>(cached);
    try {
      const live = await client.get(type, { namespace: namespace === '' ? undefined : namespace, name });
      return typed<T>(untyped(live));
    } catch (error) {
      if (hasCode(error, 404)) return undefined;
      throw error;
    }
  };
}

/** What the loopback client was refused, as a refusal of the request at hand. */
export function asStatusError(error: unknown): unknown {
  if (!(error instanceof ApiError)) return error;
  return new StatusError(error.reason as StatusReason, error.message, error.status.details, error.code);
}
