import type { JsonObject } from '../resource.ts';
import type { Strategy, StrategyContext } from '../strategy.ts';
import { has, obj, objects, str } from '../validation/access.ts';
import { genericStrategy, type Kind } from './generic.ts';

function requestsOf(spec: JsonObject | undefined): readonly JsonObject[] {
  return objects(obj(spec, 'devices'), 'requests');
}

function resultsOf(status: JsonObject | undefined): readonly JsonObject[] {
  return objects(obj(obj(status, 'allocation'), 'devices'), 'results');
}

function keyOf(one: JsonObject): string {
  return `${str(one, 'driver')}/${str(one, 'pool')}/${str(one, 'device')}`;
}

/** What is off is dropped, unless the object has it already from a time when it was on. */
function dropAdminAccess(now: readonly JsonObject[], old: readonly JsonObject[], { features }: StrategyContext): void {
  if (features?.has('DRAAdminAccess') === true || old.some((one) => has(one, 'adminAccess'))) return;
  for (const one of now) {
    // Go writes the field of a result even where it says nothing.
    if (has(one, 'request')) one['adminAccess'] = null;
    else delete one['adminAccess'];
  }
}

/** A device that the claim has no more says nothing of itself. */
function dropDeviceStatuses(claim: JsonObject, old: JsonObject | undefined, { features, subresource }: StrategyContext): void {
  const [status, before] = [obj(claim, 'status'), obj(old, 'status')];
  if (status === undefined) return;
  if (features?.has('DRAResourceClaimDeviceStatus') !== true && objects(before, 'devices').length === 0) {
    delete status['devices'];
    return;
  }
  if (subresource !== 'status') return;
  const kept = new Set(resultsOf(status).map(keyOf));
  const gone = new Set(resultsOf(before).map(keyOf).filter((key) => !kept.has(key)));
  const devices = objects(status, 'devices').filter((one) => !gone.has(keyOf(one)));
  if (devices.length === 0) delete status['devices'];
  else status['devices'] = [...devices];
}

export function resourceClaimStrategy(kind: Kind): Strategy {
  const generic = genericStrategy(kind);
  const drop = (claim: JsonObject, old: JsonObject | undefined, context: StrategyContext): void => {
    const parts = (object: JsonObject | undefined): readonly JsonObject[] => [...requestsOf(obj(object, 'spec')), ...resultsOf(obj(object, 'status'))];
    dropAdminAccess(parts(claim), parts(old), context);
    dropDeviceStatuses(claim, old, context);
  };
  return {
    ...generic,
    prepareForCreate(claim, context) {
      generic.prepareForCreate(claim, context);
      drop(claim, undefined, context);
    },
    prepareForUpdate(claim, old, context) {
      generic.prepareForUpdate(claim, old, context);
      drop(claim, old, context);
    },
  };
}

export function resourceClaimTemplateStrategy(kind: Kind): Strategy {
  const generic = genericStrategy(kind);
  const requests = (template: JsonObject): readonly JsonObject[] => requestsOf(obj(obj(template, 'spec'), 'spec'));
  return {
    ...generic,
    prepareForCreate(template, context) {
      dropAdminAccess(requests(template), [], context);
      generic.prepareForCreate(template, context);
    },
    prepareForUpdate(template, old, context) {
      dropAdminAccess(requests(template), requests(old), context);
      generic.prepareForUpdate(template, old, context);
    },
  };
}
