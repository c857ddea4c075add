import { validateDefinition, validateDefinitionStatus, validateDefinitionUpdate } from '../crd/validation/definition.ts';
import type { Validator } from './validator.ts';

/** Without the rules' language, which is not this package's: a server that has it gives it to these functions itself. */
export const extensionValidators: Readonly<Record<string, Validator>> = {
  'customresourcedefinitions.apiextensions.k8s.io': {
    create: (object) => validateDefinition(object), update: (object, old) => validateDefinitionUpdate(object, old), updateStatus: (object) => validateDefinitionStatus(object),
  },
};
