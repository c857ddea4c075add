import type { FieldError } from '../../field-error.ts';
import type { JsonObject } from '../../resource.ts';
import { obj } from '../access.ts';
import { validateAnnotations, validateLabels } from '../metadata.ts';
import { forbiddenField } from '../errors.ts';
import { objects } from '../access.ts';
import { validatePodSpec } from './pod.ts';

export function validatePodTemplate(template: JsonObject | undefined, field: string): FieldError[] {
  const metadata = obj(template, 'metadata');
  const spec = obj(template, 'spec');
  return [
    ...validateLabels(obj(metadata, 'labels'), `${field}.labels`),
    ...validateAnnotations(obj(metadata, 'annotations'), `${field}.annotations`),
    ...validatePodSpec(spec, `${field}.spec`, { isTemplate: true, name: '' }),
    ...(objects(spec, 'ephemeralContainers').length > 0 ? [forbiddenField(`${field}.spec.ephemeralContainers`, 'ephemeral containers not allowed in pod template')] : []),
  ];
}
