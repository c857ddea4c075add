import type { FlagSet } from '@coxswain/service';

const authorizedMs = 300_000;
const unauthorizedMs = 30_000;

export const authorizationFlags: FlagSet = {
  'authorization-mode': { kind: 'strings', help: 'In order: Node, RBAC, ABAC, Webhook, AlwaysAllow, AlwaysDeny. Default: AlwaysAllow.' },
  'authorization-config': { kind: 'string', default: '', help: 'File with the chain of authorizers, instead of --authorization-mode and --authorization-webhook-*.' },
  'authorization-policy-file': { kind: 'string', default: '', help: 'File with one policy a line, for the mode ABAC.' },
  'authorization-webhook-config-file': { kind: 'string', default: '', help: 'Kubeconfig of the webhook that is asked in the mode Webhook.' },
  'authorization-webhook-version': { kind: 'string', default: 'v1beta1', help: 'Version of the SubjectAccessReview that the webhook is sent: v1 or v1beta1.' },
  'authorization-webhook-cache-authorized-ttl': { kind: 'duration', default: authorizedMs, help: 'How long the webhook\'s allowing holds.' },
  'authorization-webhook-cache-unauthorized-ttl': { kind: 'duration', default: unauthorizedMs, help: 'How long the webhook\'s not allowing holds.' },
};
