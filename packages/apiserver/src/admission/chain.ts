import type { AdmissionAttributes, AdmissionPlugin, ApiServerParts, Reinvocation } from '../types.ts';
import type { AdmissionMetrics } from './metrics.ts';

/** All that change the object, in order; then, called by the registry with the final object, all that only look. */
export function admissionChain(plugins: readonly AdmissionPlugin[], metrics: Pick<AdmissionMetrics, 'step'>): ApiServerParts['admission'] {
  const of = (can: (plugin: AdmissionPlugin) => boolean): Readonly<Record<AdmissionAttributes['operation'], readonly AdmissionPlugin[]>> => {
    const those = (operation: AdmissionAttributes['operation']): readonly AdmissionPlugin[] => plugins.filter((plugin) => can(plugin) && plugin.operations.includes(operation));
    return { CREATE: those('CREATE'), UPDATE: those('UPDATE'), DELETE: those('DELETE'), CONNECT: those('CONNECT') };
  };
  const admitting = of((plugin) => plugin.admit !== undefined);
  const validating = of((plugin) => plugin.validate !== undefined);
  /** Everybody once; again if somebody outside has changed the object, so that in-tree plugins see what it became. */
  const admit = async (attributes: AdmissionAttributes): Promise<void> => {
    const round = new Round();
    const seen = { ...attributes, reinvocation: round };
    const those = admitting[attributes.operation];
    await run(those, 'admit', seen);
    if (!round.wanted) return;
    round.isReinvoke = true;
    await run(those, 'admit', seen);
  };
  return {
    admit: (attributes) => metrics.step('admit', attributes.operation, () => admit(attributes)),
    validate: (attributes) => metrics.step('validate', attributes.operation, () => run(validating[attributes.operation], 'validate', attributes)),
  };
}

class Round implements Reinvocation {
  isReinvoke = false;
  wanted = false;
  readonly memory = new Map<string, unknown>();

  request(): void {
    this.wanted = true;
  }
}

/** Most have nothing to say, and are not waited for. */
async function run(those: readonly AdmissionPlugin[], step: 'admit' | 'validate', attributes: AdmissionAttributes): Promise<void> {
  const { resource: { resource }, subresource } = attributes;
  const name = subresource === '' ? resource : `${resource}/${subresource}`;
  for (const plugin of those) {
    if (plugin.resources?.has(name) === false) continue;
    const done = plugin[step]?.(attributes);
    if (done !== undefined) await done;
  }
}
