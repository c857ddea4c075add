import { customStrategy, validateMetadata, validateMetadataUpdate, type ApiResource, type CustomVersion, type Strategy } from '@coxswain/api';
import { meta } from '../registry/object.ts';
import type { MetadataRules } from '../registry/kind.ts';

export function customMetadataRules(api: ApiResource): MetadataRules {
  const rules = { namespaced: api.namespaced, custom: true };
  return {
    validate: (object) => validateMetadata(meta(object), rules),
    validateUpdate: (object, old) => validateMetadataUpdate(meta(object), meta(old), rules),
  };
}

export function strategyOf(version: CustomVersion): Strategy {
  return customStrategy(version.hasStatus);
}
