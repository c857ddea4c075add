import type { JsonObject } from '@coxswain/api';
import type { KubeconfigResult } from '@coxswain/client';
import type { Host } from '@coxswain/host';
import type { Container, Pod } from 'kubernetes-types/core/v1';
import { kubeconfigCallout, withRetries } from '../callouts/kubeconfig-callout.ts';
import { TtlCache } from '../ttl-cache.ts';
import { typedOrNone } from '../typed.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../types.ts';
import { isResource, refuse } from './attributes.ts';

export interface ImagePolicyConfig {
  readonly kubeConfigFile: string;
  /** What that file says; read by whoever reads files. */
  readonly kubeconfig?: KubeconfigResult | undefined;
  readonly allowTtlMs: number;
  readonly denyTtlMs: number;
  readonly retryBackoffMs: number;
  /** What is said where the webhook cannot be asked. */
  readonly defaultAllow: boolean;
}

const timeoutMs = 30_000;
const attempts = 5;
const answersKept = 1024;
const auditPrefix = 'imagepolicywebhook.image-policy.k8s.io/';

interface Answer {
  readonly allowed?: boolean;
  readonly reason?: string;
  readonly auditAnnotations?: Readonly<Record<string, string>>;
}

function imagesOf(a: AdmissionAttributes): { readonly pod: Pod; readonly containers: readonly Container[] } | undefined {
  const ephemeral = isResource(a, '', 'pods', 'ephemeralcontainers');
  const pod = ephemeral || isResource(a, '', 'pods') ? typedOrNone<Pod>(a.object) : undefined;
  if (pod === undefined) return undefined;
  return { pod, containers: ephemeral ? (pod.spec?.ephemeralContainers ?? []) as Container[] : [...pod.spec?.containers ?? [], ...pod.spec?.initContainers ?? []] };
}

function specOf(a: AdmissionAttributes, pod: Pod, containers: readonly Container[]): JsonObject {
  const annotations = Object.entries(pod.metadata?.annotations ?? {}).filter(([key]) => key.includes('.image-policy.k8s.io/'));
  return {
    ...(containers.length === 0 ? {} : { containers: containers.map(({ image = '' }): JsonObject => (image === '' ? {} : { image })) }),
    ...(annotations.length === 0 ? {} : { annotations: Object.fromEntries(annotations) }), namespace: a.namespace,
  };
}

/** Asks somebody outside which images may run. */
export function imagePolicyWebhook(host: Pick<Host, 'clock' | 'network' | 'timers' | 'random'>, config: ImagePolicyConfig): AdmissionPlugin {
  const callout = config.kubeconfig === undefined ? undefined : kubeconfigCallout(host, config.kubeconfig);
  const known = new TtlCache<Answer>(host.clock, answersKept);

  async function ask(spec: JsonObject): Promise<Answer> {
    if (callout === undefined) throw new Error('no kubeconfig');
    const review = { kind: 'ImageReview', apiVersion: 'imagepolicy.k8s.io/v1alpha1', metadata: { creationTimestamp: null }, spec, status: { allowed: false } };
    const answer = await withRetries(host, { initialDelayMs: config.retryBackoffMs, attempts }, () => callout.post(review, { timeoutMs }));
    return (answer['status'] ?? {}) as Answer;
  }

  async function answerTo(spec: JsonObject): Promise<Answer> {
    const key = JSON.stringify(spec);
    const kept = known.get(key);
    if (kept !== undefined) return kept;
    const answer = await ask(spec);
    known.set(key, answer, answer.allowed === true ? config.allowTtlMs : config.denyTtlMs);
    return answer;
  }

  return {
    name: 'ImagePolicyWebhook',
    operations: ['CREATE', 'UPDATE'],
    async validate(a) {
      const found = imagesOf(a);
      if (found === undefined) return;
      let answer: Answer;
      try {
        answer = await answerTo(specOf(a, found.pod, found.containers));
      } catch (error) {
        if (!config.defaultAllow) throw refuse(a, error instanceof Error ? error.message : String(error));
        a.notes.annotate(`${auditPrefix}failed-open`, 'true');
        return;
      }
      for (const [key, value] of Object.entries(answer.auditAnnotations ?? {})) a.notes.annotate(auditPrefix + key, value);
      if (answer.allowed !== true) throw refuse(a, answer.reason ? `image policy webhook backend denied one or more images: ${answer.reason}` : 'one or more images rejected by webhook backend');
    },
  };
}
