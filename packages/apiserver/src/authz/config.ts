import type { AbacPolicy } from './abac.ts';
import type { WebhookAuthorizerConfig } from './webhook.ts';

export type AuthorizationMode = 'Node' | 'RBAC' | 'ABAC' | 'Webhook' | 'AlwaysAllow' | 'AlwaysDeny';

export interface AuthorizerConfig {
  readonly type: AuthorizationMode;
  /** As metrics call it. */
  readonly name: string;
  readonly webhook?: WebhookAuthorizerConfig | undefined;
  readonly policies?: readonly AbacPolicy[] | undefined;
}
