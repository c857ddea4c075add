import { admissionPolicyValidators } from './admission-policies.ts';
import { autoscalingValidators } from './autoscaling.ts';
import { certificateValidators } from './certificates.ts';
import { clusterValidators } from './cluster.ts';
import { configValidators } from './config.ts';
import { csiValidators } from './csi.ts';
import { deviceValidators } from './devices/index.ts';
import { eventValidators } from './events.ts';
import { extensionValidators } from './extensions.ts';
import { flowControlValidators } from './flow-control.ts';
import { jobValidators } from './jobs.ts';
import { networkingValidators } from './networking.ts';
import { nodeValidators } from './nodes.ts';
import { validatePod } from './pod/pod.ts';
import { validatePodStatusUpdate } from './pod/status.ts';
import { validateEphemeralUpdate, validatePodUpdate } from './pod/update.ts';
import { policyValidators } from './policy.ts';
import { quotaValidators } from './quota.ts';
import { serviceValidators } from './services.ts';
import { storageValidators } from './storage.ts';
import type { Validator } from './validator.ts';
import { workloadValidators } from './workloads.ts';

const podValidators: Readonly<Record<string, Validator>> = {
  pods: {
    create: validatePod,
    update: (pod, old, context) => (context.subresource === 'ephemeralcontainers' ? validateEphemeralUpdate(pod, old) : validatePodUpdate(pod, old, context.specIsValid === true)),
    updateStatus: validatePodStatusUpdate,
  },
};

const all: Readonly<Record<string, Validator>> = {
  ...podValidators, ...workloadValidators, ...jobValidators, ...serviceValidators, ...configValidators, ...storageValidators, ...policyValidators, ...networkingValidators,
  ...quotaValidators, ...clusterValidators, ...nodeValidators, ...eventValidators, ...certificateValidators, ...admissionPolicyValidators, ...extensionValidators, ...csiValidators, ...flowControlValidators, ...autoscalingValidators, ...deviceValidators,
};

/** By `resource.group`; undefined for kinds that have no rules of their own. */
export function validatorOf(key: string): Validator | undefined {
  return all[key];
}
