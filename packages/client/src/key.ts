import type { KubeObject, ObjectKey } from './types.ts';

/** `namespace/name`, or `name` for what has no namespace: the form in which work queues and caches hold keys. */
export function keyOf(key: ObjectKey): string {
  return key.namespace === undefined || key.namespace === '' ? key.name : `${key.namespace}/${key.name}`;
}

export function objectKey(object: KubeObject): ObjectKey {
  return { namespace: object.metadata?.namespace, name: object.metadata?.name ?? '' };
}

/** Shorthand for `keyOf(objectKey(object))`. */
export function keyOfObject(object: KubeObject): string {
  return keyOf(objectKey(object));
}

export function splitKey(key: string): ObjectKey {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
