import { equalJson } from '../patch/values.ts';
import { get, obj, objects } from '../validation/access.ts';
import type { JsonObject } from '../resource.ts';
import type { Strategy } from '../strategy.ts';
import { generationOf, genericStrategy, metadataOf, type Kind } from './generic.ts';

/** `drop` takes out what a writer may not say (any more); `old` may have it from before. */
function dropping(kind: Kind, drop: (object: JsonObject, old: JsonObject | undefined) => void): Strategy {
  const generic = genericStrategy(kind);
  return {
    ...generic,
    prepareForCreate(object, context) {
      drop(object, undefined);
      generic.prepareForCreate(object, context);
    },
    prepareForUpdate(object, old, context) {
      drop(object, old);
      generic.prepareForUpdate(object, old, context);
    },
  };
}

/** What the first version called topology has fields of its own now. */
export function endpointSliceStrategy(kind: Kind): Strategy {
  return dropping(kind, (slice) => {
    for (const endpoint of objects(slice, 'endpoints')) delete endpoint['deprecatedTopology'];
  });
}

/** Coordinated election is off. */
export function leaseStrategy(kind: Kind): Strategy {
  return dropping(kind, (lease, old) => {
    const spec = obj(lease, 'spec');
    for (const key of ['strategy', 'preferredHolder']) if (spec !== undefined && get(obj(old, 'spec'), key) === undefined) delete spec[key];
  });
}

/** Its generations are counted from the first change on. */
export function driverStrategy(kind: Kind): Strategy {
  const generic = genericStrategy(kind);
  return {
    ...generic,
    prepareForUpdate(driver, old, context) {
      generic.prepareForUpdate(driver, old, context);
      if (!equalJson(get(driver, 'spec') ?? null, get(old, 'spec') ?? null)) metadataOf(driver)['generation'] = generationOf(old) + 1;
    },
  };
}
