import type { FieldError, JsonObject } from '@coxswain/api';
import { at, isObject } from './object.ts';

/** Where a pod's spec stands in the kinds that have one. */
const podSpecs: readonly (readonly string[])[] = [['spec'], ['spec', 'template', 'spec'], ['spec', 'jobTemplate', 'spec', 'template', 'spec'], ['template', 'spec']];
const lists = ['containers', 'initContainers', 'ephemeralContainers'] as const;

function inSpec(spec: JsonObject, path: string): FieldError[] {
  return lists.flatMap((list) => {
    const containers = spec[list];
    if (!Array.isArray(containers)) return [];
    return containers.flatMap((container, index): FieldError[] => (isObject(container) && at(container, 'securityContext', 'privileged') === true
      ? [{ type: 'Forbidden', field: `${path}.${list}[${index}].securityContext.privileged`, message: 'Forbidden: disallowed by cluster policy' }] : []));
  });
}

/** What `--allow-privileged=false` refuses, in pods and in templates of pods. */
export function privilegedErrors(object: JsonObject): FieldError[] {
  return podSpecs.flatMap((path) => {
    const spec = at(object, ...path);
    return isObject(spec) ? inSpec(spec, path.join('.')) : [];
  });
}
