/** A resource that the server serves, as discovery shows it. Filled from the description (and later from CRDs). */
export interface ApiResource {
  readonly group: string;
  readonly version: string;
  /** Plural: `pods`. */
  readonly resource: string;
  readonly singular: string;
  readonly kind: string;
  readonly listKind: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly subresources: readonly ApiSubresource[];
  /** Key of the object's type in the description: `io.k8s.api.core.v1.Pod`. */
  readonly typeName: string;
  /** Made by a CustomResourceDefinition. */
  readonly custom?: true;
  /** Of a custom resource; the built-in ones' are known. */
  readonly storageVersionHash?: string;
}

export interface ApiSubresource {
  /** `status`, `scale`, `binding`, `log`, … */
  readonly name: string;
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly verbs: readonly string[];
}

/** Decoded JSON. Integers past 2^53 are bigint. Objects have no prototype surprises: keys such as `__proto__` are plain data. */
export type Json = null | boolean | number | bigint | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };
