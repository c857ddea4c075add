import type { AdmissionAttributes, AdmissionPlugin, ApiServerParts } from '../types.ts';

/** All that change the object, in order; then, called by the registry with the final object, all that only look. */
export function admissionChain(plugins: readonly AdmissionPlugin[]): ApiServerParts['admission'] {
  const run = async (attributes: AdmissionAttributes, step: (plugin: AdmissionPlugin) => Promise<void> | undefined): Promise<void> => {
    for (const plugin of plugins) {
      if (plugin.operations.includes(attributes.operation)) await step(plugin);
    }
  };
  return {
    admit: (attributes) => run(attributes, (plugin) => plugin.admit?.(attributes)),
    validate: (attributes) => run(attributes, (plugin) => plugin.validate?.(attributes)),
  };
}
