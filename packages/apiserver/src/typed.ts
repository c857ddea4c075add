import type { JsonObject } from '@coxswain/api';
import type { KubeObject } from '@coxswain/client';

/** The one place where decoded JSON is taken for what its kind says; the registry has checked its shape. */
export function typed<T extends KubeObject>(object: JsonObject): T {
  return object as unknown as T;
}

export function typedOrNone<T extends KubeObject>(object: JsonObject | undefined): T | undefined {
  return object as unknown as T | undefined;
}

export function untyped(object: object): JsonObject {
  return object as unknown as JsonObject;
}
