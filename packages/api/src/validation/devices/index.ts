import type { Steps } from '../../apply/steps.ts';
import type { FieldError } from '../../field-error.ts';
import { equalJson } from '../../patch/values.ts';
import type { JsonObject } from '../../resource.ts';
import { get, obj, objects } from '../access.ts';
import { validateAnnotations, validateLabels } from '../metadata.ts';
import type { Validator } from '../validator.ts';
import { claimSpecErrors, configuration, maxConfigs, sameSpec } from './claims.ts';
import { claimStatusErrors } from './claim-status.ts';
import { eachOf } from './names.ts';
import { compileInSteps, selectorErrors } from './selectors.ts';
import { sliceErrors } from './slices.ts';

function classErrors(object: JsonObject, old?: JsonObject): FieldError[] {
  const [spec, before] = [obj(object, 'spec'), obj(old, 'spec')];
  const stored = old !== undefined && equalJson(get(spec, 'config') ?? null, get(before, 'config') ?? null);
  return [...selectorErrors(spec, 'spec'), ...eachOf(objects(spec, 'config'), 'spec.config', maxConfigs, (config, at) => configuration(config, at, stored))];
}

function templateErrors(object: JsonObject, stored: boolean): FieldError[] {
  const spec = obj(object, 'spec');
  const metadata = obj(spec, 'metadata');
  return [
    ...validateAnnotations(obj(metadata, 'annotations'), 'spec.metadata.annotations'), ...validateLabels(obj(metadata, 'labels'), 'spec.metadata.labels'),
    ...claimSpecErrors(obj(spec, 'spec'), 'spec.spec', stored),
  ];
}

function selectorsOfClaim(spec: JsonObject | undefined): readonly JsonObject[] {
  return objects(obj(spec, 'devices'), 'requests').flatMap((request) => objects(request, 'selectors'));
}

function* afterCompiling(selectors: readonly JsonObject[], check: () => FieldError[]): Steps<FieldError[]> {
  yield* compileInSteps(selectors);
  return check();
}

/** Upstream looks at a changed object as at a new one first, and then by the rules of a change, and says what it finds both times. */
export const deviceValidators: Readonly<Record<string, Validator>> = {
  'deviceclasses.resource.k8s.io': {
    create: (object) => classErrors(object), update: (object, old) => [...classErrors(object), ...classErrors(object, old)],
  },
  'resourceclaims.resource.k8s.io': {
    create: (claim) => claimSpecErrors(obj(claim, 'spec'), 'spec', false),
    createInSteps: (claim) => afterCompiling(selectorsOfClaim(obj(claim, 'spec')), () => claimSpecErrors(obj(claim, 'spec'), 'spec', false)),
    update: (claim, old) => [...claimSpecErrors(obj(claim, 'spec'), 'spec', false), ...sameSpec(claim, old, 'ResourceClaimSpec'), ...claimSpecErrors(obj(claim, 'spec'), 'spec', true)],
    updateStatus: claimStatusErrors,
  },
  'resourceclaimtemplates.resource.k8s.io': {
    create: (template) => templateErrors(template, false),
    createInSteps: (template) => afterCompiling(selectorsOfClaim(obj(obj(template, 'spec'), 'spec')), () => templateErrors(template, false)),
    update: (template, old) => [...templateErrors(template, false), ...sameSpec(template, old, 'ResourceClaimTemplateSpec'), ...templateErrors(template, true)],
  },
  'resourceslices.resource.k8s.io': { create: (slice) => sliceErrors(slice), update: (slice, old) => sliceErrors(slice, old) },
};
