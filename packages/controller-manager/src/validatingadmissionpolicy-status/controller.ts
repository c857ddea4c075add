import { done, resources, splitKey } from '@coxswain/client';
import { newLoop, runLoop } from '../common/run.ts';
import type { Controller } from '../types.ts';
import { servedSchemas } from './served-schemas.ts';
import { checkTypes } from './type-checking.ts';

const name = 'validatingadmissionpolicy-status-controller';
const fieldManager = 'validatingadmissionpolicy-status';

/** Says in a policy's status what its expressions would get wrong about the kinds that it is for. */
export const policyStatusController: Controller = {
  name, account: name,
  start: (context) => {
    const policies = context.informers.informer(resources.validatingadmissionpolicies);
    const loop = newLoop(context, name);
    policies.addHandler({ added: (policy) => { loop.enqueue(policy); }, updated: (_before, after) => { loop.enqueue(after); } });
    return runLoop(context, name, loop, async (key) => {
      const policy = policies.lister.get(splitKey(key));
      const generation = policy?.metadata?.generation ?? 0;
      if (policy === undefined || generation <= (policy.status?.observedGeneration ?? 0)) return done;
      const expressionWarnings = await checkTypes(policy, servedSchemas(context.client));
      await context.client.patch(resources.validatingadmissionpolicies, splitKey(key), 'apply', {
        apiVersion: 'admissionregistration.k8s.io/v1', kind: 'ValidatingAdmissionPolicy', metadata: { name: policy.metadata?.name },
        status: { observedGeneration: generation, typeChecking: expressionWarnings.length === 0 ? {} : { expressionWarnings } },
      }, { subresource: 'status', fieldManager, force: true });
      return done;
    });
  },
};
