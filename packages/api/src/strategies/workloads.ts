import { bool, get, obj, str } from '../validation/access.ts';
import { labelValueProblems } from '../validation/formats.ts';
import { equalJson, setOwn } from '../patch/values.ts';
import type { JsonObject } from '../resource.ts';
import type { Strategy } from '../strategy.ts';
import { genericStrategy, keep, metadataOf, type Kind } from './generic.ts';

const prefix = 'batch.kubernetes.io/';

function child(object: JsonObject, key: string): JsonObject {
  const value = obj(object, key) ?? {};
  object[key] = value;
  return value;
}

/** Each job finds its pods by its own uid, unless the user says how. */
function generateSelector(job: JsonObject): void {
  const spec = obj(job, 'spec');
  if (spec === undefined || bool(spec, 'manualSelector')) return;
  const uid = str(metadataOf(job), 'uid');
  const name = str(metadataOf(job), 'name');
  const labels = child(child(child(spec, 'template'), 'metadata'), 'labels');
  for (const [key, value] of [['controller-uid', uid], [`${prefix}controller-uid`, uid], ['job-name', name], [`${prefix}job-name`, name]] as const) {
    if (get(labels, key) === undefined) setOwn(labels, key, value);
  }
  const matchLabels = child(child(spec, 'selector'), 'matchLabels');
  if (get(matchLabels, `${prefix}controller-uid`) === undefined) matchLabels[`${prefix}controller-uid`] = uid;
}

export function jobStrategy(kind: Kind): Strategy {
  const generic = genericStrategy(kind);
  return {
    ...generic,
    prepareForCreate(job, context) {
      generic.prepareForCreate(job, context);
      const labels = (): JsonObject | undefined => obj(obj(obj(obj(job, 'spec') ?? {}, 'template') ?? {}, 'metadata') ?? {}, 'labels');
      const own = obj(metadataOf(job), 'labels') ?? {};
      const isBare = Object.keys(own).length === 0;
      const { generateName } = metadataOf(job);
      const isNamed = typeof generateName !== 'string' || generateName === '' || !str(metadataOf(job), 'name').startsWith(generateName);
      // Labels that the job has from its template are the template's: also those that it gets now. Upstream makes a copy to make up a name, and they are two.
      const isShared = isBare || (isNamed && equalJson(own, labels() ?? {}));
      generateSelector(job);
      const made = labels();
      if (!isShared || made === undefined) return;
      // Of a template without labels it gets them once it is stored; a name that is no label is refused before that.
      if (!isBare || labelValueProblems(str(metadataOf(job), 'name')).length === 0) metadataOf(job)['labels'] = { ...made };
    },
  };
}

/** Its status subresource may not touch labels. */
export function deploymentStrategy(kind: Kind): Strategy {
  const generic = genericStrategy(kind);
  return {
    ...generic,
    prepareForUpdate(deployment, old, context) {
      generic.prepareForUpdate(deployment, old, context);
      if (context.subresource === 'status') keep(metadataOf(deployment), metadataOf(old), 'labels');
    },
  };
}

const templateGeneration = 'deprecated.daemonset.template.generation';

/** The number of its template is the server's to count. */
export function daemonSetStrategy(kind: Kind): Strategy {
  const generic = genericStrategy(kind);
  const count = (daemonSet: JsonObject, generation: string): void => { child(metadataOf(daemonSet), 'annotations')[templateGeneration] = generation; };
  return {
    ...generic,
    prepareForCreate(daemonSet, context) {
      generic.prepareForCreate(daemonSet, context);
      count(daemonSet, '1');
    },
    prepareForUpdate(daemonSet, old, context) {
      generic.prepareForUpdate(daemonSet, old, context);
      const before = Number(str(obj(metadataOf(old), 'annotations') ?? {}, templateGeneration));
      const changed = !equalJson(get(obj(daemonSet, 'spec') ?? {}, 'template') ?? null, get(obj(old, 'spec') ?? {}, 'template') ?? null);
      count(daemonSet, String((Number.isSafeInteger(before) ? before : 0) + (changed ? 1 : 0)));
    },
  };
}
