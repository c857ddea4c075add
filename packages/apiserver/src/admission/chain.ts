import type { AdmissionAttributes, AdmissionPlugin, ApiServerParts } from '../types.ts';
import type { AdmissionMetrics } from './metrics.ts';

/** All that change the object, in order; then, called by the registry with the final object, all that only look. */
export function admissionChain(plugins: readonly AdmissionPlugin[], metrics: Pick<AdmissionMetrics, 'step'>): ApiServerParts['admission'] {
  const run = async (attributes: AdmissionAttributes, step: (plugin: AdmissionPlugin) => Promise<void> | undefined): Promise<void> => {
    for (const plugin of plugins) {
      if (plugin.operations.includes(attributes.operation)) await step(plugin);
    }
  };
  /** Everybody once; again if somebody outside has changed the object, so that in-tree plugins see what it became. */
  const admit = async (attributes: AdmissionAttributes): Promise<void> => {
    const memory = new Map<string, unknown>();
    let wanted = false;
    for (const isReinvoke of [false, true]) {
      if (isReinvoke && !wanted) return;
      const round = { ...attributes, reinvocation: { isReinvoke, memory, request: () => { wanted = true; } } };
      await run(round, (plugin) => plugin.admit?.(round));
    }
  };
  return {
    admit: (attributes) => metrics.step('admit', attributes.operation, () => admit(attributes)),
    validate: (attributes) => metrics.step('validate', attributes.operation, () => run(attributes, (plugin) => plugin.validate?.(attributes))),
  };
}
