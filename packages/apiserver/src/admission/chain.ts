import type { AdmissionAttributes, AdmissionPlugin, ApiServerParts } from '../types.ts';
import type { AdmissionMetrics } from './metrics.ts';

/** All that change the object, in order; then, called by the registry with the final object, all that only look. */
export function admissionChain(plugins: readonly AdmissionPlugin[], metrics: Pick<AdmissionMetrics, 'step'>): ApiServerParts['admission'] {
  const of = (can: (plugin: AdmissionPlugin) => boolean): Readonly<Record<AdmissionAttributes['operation'], readonly AdmissionPlugin[]>> => {
    const those = (operation: AdmissionAttributes['operation']): readonly AdmissionPlugin[] => plugins.filter((plugin) => can(plugin) && plugin.operations.includes(operation));
    return { CREATE: those('CREATE'), UPDATE: those('UPDATE'), DELETE: those('DELETE'), CONNECT: those('CONNECT') };
  };
  const admitting = of((plugin) => plugin.admit !== undefined);
  const validating = of((plugin) => plugin.validate !== undefined);
  /** Most have nothing to say, and are not waited for. */
  const run = async (those: readonly AdmissionPlugin[], step: (plugin: AdmissionPlugin) => Promise<void> | undefined): Promise<void> => {
    for (const plugin of those) {
      const done = step(plugin);
      if (done !== undefined) await done;
    }
  };
  /** Everybody once; again if somebody outside has changed the object, so that in-tree plugins see what it became. */
  const admit = async (attributes: AdmissionAttributes): Promise<void> => {
    const memory = new Map<string, unknown>();
    let wanted = false;
    for (const isReinvoke of [false, true]) {
      if (isReinvoke && !wanted) return;
      const round = { ...attributes, reinvocation: { isReinvoke, memory, request: () => { wanted = true; } } };
      await run(admitting[attributes.operation], (plugin) => plugin.admit?.(round));
    }
  };
  return {
    admit: (attributes) => metrics.step('admit', attributes.operation, () => admit(attributes)),
    validate: (attributes) => metrics.step('validate', attributes.operation, () => run(validating[attributes.operation], (plugin) => plugin.validate?.(attributes))),
  };
}
