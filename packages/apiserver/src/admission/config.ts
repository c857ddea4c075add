import type { FindCredentials } from '../callouts/credentials.ts';
import type { EventLimit } from './event-rate-limit.ts';
import type { ImagePolicyConfig } from './image-policy.ts';
import type { TolerationConfig } from './pod-placement.ts';
import { defaultPodSecurityConfig, type PodSecurityConfig } from './pod-security/config.ts';
import type { LimitedResource } from './resource-quota.ts';

export interface WebhookAccess {
  readonly kubeConfigFile: string;
  readonly credentials?: FindCredentials | undefined;
}

/** What --admission-control-config-file says to the plugins. */
export interface AdmissionFile {
  readonly podSecurity: PodSecurityConfig;
  /** Undefined: it has no configuration, so EventRateLimit cannot be switched on. */
  readonly eventLimits: readonly EventLimit[] | undefined;
  /** By namespace, and `clusterDefaultNodeSelector`. */
  readonly podNodeSelectors: Readonly<Record<string, string>>;
  readonly podTolerations: TolerationConfig;
  readonly limitedResources: readonly LimitedResource[];
  /** Who this server is to admission webhooks, of each kind; undefined: nobody. */
  readonly webhooks?: Partial<Record<'mutating' | 'validating', WebhookAccess>> | undefined;
  /** Undefined: ImagePolicyWebhook cannot be switched on. */
  readonly imagePolicy?: ImagePolicyConfig | undefined;
}

export const defaultAdmissionFile: AdmissionFile = {
  podSecurity: defaultPodSecurityConfig, eventLimits: undefined, podNodeSelectors: {}, podTolerations: { default: [], whitelist: [] }, limitedResources: [],
};
