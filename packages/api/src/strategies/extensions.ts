import type { JsonObject } from '../resource.ts';
import type { Strategy } from '../strategy.ts';
import { bool, obj, objects, str, strings } from '../validation/access.ts';
import { quote } from '../validation/errors.ts';
import { markForCleanup } from '../crd/conditions.ts';
import { genericStrategy, type Kind } from './generic.ts';

/** Every version that objects were ever stored in stays listed until somebody has migrated them. */
function addStoredVersions(definition: JsonObject): void {
  const status = obj(definition, 'status') ?? {};
  const stored = [...strings(status, 'storedVersions')];
  for (const version of objects(obj(definition, 'spec'), 'versions')) {
    if (bool(version, 'storage') && !stored.includes(str(version, 'name'))) stored.push(str(version, 'name'));
  }
  status['storedVersions'] = stored.length === 0 ? null : stored;
  definition['status'] = status;
}

export function customResourceDefinitionStrategy(kind: Kind): Strategy {
  const generic = genericStrategy(kind);
  return {
    prepareForCreate(definition, context) {
      generic.prepareForCreate(definition, context);
      addStoredVersions(definition);
    },
    prepareForUpdate(definition, old, context) {
      generic.prepareForUpdate(definition, old, context);
      // A status writer may change metadata: the cleanup's finalizer goes that way.
      if (context.subresource !== 'status') addStoredVersions(definition);
    },
    markDeleted: markForCleanup,
    requiredName: (definition) => {
      const spec = obj(definition, 'spec');
      return { name: `${str(obj(spec, 'names'), 'plural')}.${str(spec, 'group')}`, problem: 'must be spec.names.plural+"."+spec.group' };
    },
  };
}

/** What this server serves itself is there at once. */
export function apiServiceStrategy(kind: Kind): Strategy {
  const generic = genericStrategy(kind);
  return {
    ...generic,
    requiredName: (service) => {
      const spec = obj(service, 'spec');
      const name = `${str(spec, 'version')}.${str(spec, 'group')}`;
      return { name, problem: `must be \`spec.version+"."+spec.group\`: ${quote(name)}` };
    },
    prepareForCreate(service, context) {
      generic.prepareForCreate(service, context);
      const reference = obj(service, 'spec')?.['service'];
      if (reference !== undefined && reference !== null) return;
      service['status'] = { conditions: [{ type: 'Available', status: 'True', lastTransitionTime: context.now, reason: 'Local', message: 'Local APIServices are always available' }] };
    },
  };
}
