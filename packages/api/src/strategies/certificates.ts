import { equalJson } from '../patch/values.ts';
import { obj, objects, str } from '../validation/access.ts';
import type { JsonObject } from '../resource.ts';
import type { Strategy } from '../strategy.ts';
import { keep } from './generic.ts';

const decisions = ['Approved', 'Denied'];

/** Approval is for those who may approve: the status subresource keeps these conditions as they are. Where some came or went nothing is kept: validation refuses that. */
function keepDecisions(request: JsonObject, old: JsonObject): void {
  const conditions = [...objects(obj(request, 'status'), 'conditions')];
  for (const type of decisions) {
    const before = objects(obj(old, 'status'), 'conditions').filter((one) => str(one, 'type') === type);
    const places = [...conditions.entries()].filter(([, one]) => str(one, 'type') === type).map(([place]) => place);
    if (before.length === places.length) places.forEach((place, index) => { conditions[place] = before[index] as JsonObject; });
  }
  const status = obj(request, 'status') ?? {};
  if (conditions.length > 0) status['conditions'] = conditions;
  request['status'] = status;
}

function stampConditions(request: JsonObject, old: JsonObject, now: string): void {
  const before = objects(obj(old, 'status'), 'conditions');
  for (const condition of objects(obj(request, 'status'), 'conditions')) {
    const known = before.find((one) => str(one, 'type') === str(condition, 'type'));
    const changed = known === undefined || !equalJson(known, condition);
    if (str(condition, 'lastUpdateTime') === '' && changed) condition['lastUpdateTime'] = now;
    if (str(condition, 'lastTransitionTime') === '') {
      const same = known !== undefined && str(known, 'status') === str(condition, 'status') && str(known, 'lastTransitionTime') !== '';
      condition['lastTransitionTime'] = same ? str(known, 'lastTransitionTime') : now;
    }
  }
}

/** Who asks is what the server knows, never what the request says. */
export const certificateSigningRequestStrategy: Strategy = {
  prepareForCreate(request, context) {
    const spec = obj(request, 'spec') ?? {};
    for (const key of ['username', 'uid', 'groups', 'extra']) delete spec[key];
    spec['username'] = context.userName;
    if (context.userUid !== undefined && context.userUid !== '') spec['uid'] = context.userUid;
    if (context.userGroups.length > 0) spec['groups'] = [...context.userGroups];
    const extra = Object.entries(context.userExtra ?? {});
    if (extra.length > 0) spec['extra'] = Object.fromEntries(extra.map(([key, values]) => [key, [...values]]));
    request['spec'] = spec;
    request['status'] = {};
  },
  prepareForUpdate(request, old, context) {
    keep(request, old, 'spec');
    switch (context.subresource) {
      case 'status':
        keepDecisions(request, old);
        stampConditions(request, old, context.now);
        break;
      case 'approval': {
        const status = obj(request, 'status') ?? {};
        keep(status, obj(old, 'status') ?? {}, 'certificate');
        request['status'] = status;
        stampConditions(request, old, context.now);
        break;
      }
      default: keep(request, old, 'status');
    }
  },
  nameRule: 'path-segment',
};
