import type { AdmissionAttributes, AdmissionPlugin, ApiServerParts, Reinvocation } from '../types.ts';
import type { AdmissionMetrics } from './metrics.ts';

type Operation = AdmissionAttributes['operation'];
type Step = 'admit' | 'validate';
type Measures = Pick<AdmissionMetrics, 'step' | 'controller' | 'clock'>;

interface Measured {
  readonly plugin: AdmissionPlugin;
  readonly took: (seconds: number, rejected: boolean) => void;
}

/** All that change the object, in order; then, called by the registry with the final object, all that only look. */
export function admissionChain(plugins: readonly AdmissionPlugin[], metrics: Measures): ApiServerParts['admission'] {
  const of = (step: Step): Readonly<Record<Operation, readonly Measured[]>> => {
    const able = plugins.filter((plugin) => plugin[step] !== undefined);
    const those = (operation: Operation): readonly Measured[] => able.filter((plugin) => plugin.operations.includes(operation)).map((plugin) => ({ plugin, took: metrics.controller(plugin.name, step, operation) }));
    return { CREATE: those('CREATE'), UPDATE: those('UPDATE'), DELETE: those('DELETE'), CONNECT: those('CONNECT') };
  };
  const admitting = of('admit');
  const validating = of('validate');
  /** Everybody once; again if somebody outside has changed the object, so that in-tree plugins see what it became. */
  const admit = async (attributes: AdmissionAttributes): Promise<void> => {
    const round = new Round();
    const seen = { ...attributes, reinvocation: round };
    const those = admitting[attributes.operation];
    await run(those, 'admit', seen, metrics);
    if (!round.wanted) return;
    round.isReinvoke = true;
    await run(those, 'admit', seen, metrics);
  };
  return {
    admit: (attributes) => metrics.step('admit', attributes.operation, () => admit(attributes)),
    validate: (attributes) => metrics.step('validate', attributes.operation, () => run(validating[attributes.operation], 'validate', attributes, metrics)),
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

/** Most have nothing to say, and are not waited for; those that never have of this resource are not asked, nor timed. */
async function run(those: readonly Measured[], step: Step, attributes: AdmissionAttributes, { clock }: Measures): Promise<void> {
  const { resource: { resource }, subresource } = attributes;
  const name = subresource === '' ? resource : `${resource}/${subresource}`;
  let beganMs = clock.monotonicMs();
  for (const { plugin, took } of those) {
    if (plugin.resources?.has(name) === false) continue;
    let rejected = true;
    try {
      const done = plugin[step]?.(attributes);
      if (done !== undefined) await done;
      rejected = false;
    } finally {
      const nowMs = clock.monotonicMs();
      took((nowMs - beganMs) / 1000, rejected);
      beganMs = nowMs;
    }
  }
}
