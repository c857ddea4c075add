import { equalJson } from '../patch/values.ts';
import type { JsonObject } from '../resource.ts';
import type { Strategy } from '../strategy.ts';
import { withoutKeys } from '../validation/access.ts';
import { generationOf, keep, metadataOf } from './generic.ts';

/** What even a status writer changes in metadata. */
const ownMetadata = ['managedFields', 'resourceVersion'];

function keepAllButStatus(object: JsonObject, old: JsonObject): void {
  for (const key of new Set([...Object.keys(object), ...Object.keys(old)])) {
    if (!['status', 'metadata', 'kind', 'apiVersion'].includes(key)) keep(object, old, key);
  }
  const metadata = metadataOf(object);
  for (const key of new Set([...Object.keys(metadata), ...Object.keys(metadataOf(old))])) {
    if (!ownMetadata.includes(key)) keep(metadata, metadataOf(old), key);
  }
}

/** For kinds of a CRD; `withStatus`: the version has the status subresource. */
export function customStrategy(withStatus: boolean): Strategy {
  const uncounted = withStatus ? ['metadata', 'apiVersion', 'status'] : ['metadata', 'apiVersion'];
  return {
    prepareForCreate(object) {
      if (withStatus) delete object['status'];
      metadataOf(object)['generation'] = 1;
    },
    prepareForUpdate(object, old, context) {
      if (context.subresource === 'status') {
        keepAllButStatus(object, old);
        return;
      }
      if (withStatus) keep(object, old, 'status');
      const changed = !equalJson(withoutKeys(object, ...uncounted), withoutKeys(old, ...uncounted));
      metadataOf(object)['generation'] = generationOf(old) + (changed ? 1 : 0);
    },
    allowCreateOnUpdate: false,
    allowUnconditionalUpdate: false,
  };
}
