import type { ApiResource, JsonObject } from '@coxswain/api';

export interface Conversion {
  toHub(object: JsonObject): JsonObject;
  fromHub(object: JsonObject): JsonObject;
}

const identity: Conversion = { toHub: (object) => object, fromHub: (object) => object };

/** Between a served version and the one that is stored. */
export function conversionBetween(served: ApiResource, hub: ApiResource): Conversion {
  if (served === hub) return identity;
  return identity;
}
