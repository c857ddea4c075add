import { resources, type Client } from '@coxswain/client';
import type { Host } from '@coxswain/host';
import type { ServiceRepair } from '../allocators/repair.ts';
import type { PostStartHook } from '../types.ts';
import { publishAuthenticationInfo, type AuthenticationInfo } from './authentication-info.ts';
import { ensureFlowControl } from './flow-control.ts';
import { renewIdentityLease, type ServerIdentity } from './identity-lease.ts';
import { leaveKubernetesService, reconcileKubernetesService, type KubernetesServiceOptions } from './kubernetes-service.ts';
import { ensureSystemNamespaces } from './namespaces.ts';
import { ensurePriorityClasses } from './priority-classes.ts';
import { reconcileRbac } from './rbac.ts';
import { keepDoing, untilDone } from './retry.ts';

export interface BootstrapParts {
  readonly host: Pick<Host, 'clock' | 'timers' | 'log' | 'crypto'>;
  readonly client: Client;
  readonly authenticationInfo: AuthenticationInfo;
  readonly kubernetesService: KubernetesServiceOptions;
  readonly repair: ServiceRepair;
  readonly identity: ServerIdentity;
  readonly features?: ReadonlySet<string> | undefined;
}

const minuteMs = 60_000;
/** Servers that die vanish from the endpoints after the time to live of their lease, seen at the next turn. */
export const masterLeaseTtlSeconds = 15;
const endpointsEveryMs = 10_000;

function hook(host: BootstrapParts['host'], name: string, run: () => Promise<void>, everyMs?: number): PostStartHook {
  return {
    name,
    async run(signal) {
      await untilDone(host, name, signal, run);
      if (everyMs !== undefined) keepDoing(host, name, everyMs, signal, run);
    },
  };
}

function kubernetesServiceHook(parts: BootstrapParts): PostStartHook {
  const base = hook(parts.host, 'bootstrap-controller', () => reconcileKubernetesService(parts.kubernetesService), endpointsEveryMs);
  return {
    name: base.name,
    async run(signal) {
      signal.addEventListener('abort', () => {
        leaveKubernetesService(parts.kubernetesService).catch((error: unknown) => parts.host.log.warn('this server stays in the endpoints until its lease ends', { error: String(error) }));
      }, { once: true });
      await ensureSystemNamespacesFirst(parts, signal);
      await base.run(signal);
    },
  };
}

async function ensureSystemNamespacesFirst({ host, client }: BootstrapParts, signal: AbortSignal): Promise<void> {
  await untilDone(host, 'system namespaces', signal, () => ensureSystemNamespaces(client));
}

/** All are idempotent and may run on several servers at once; none depends on another having run. */
export function bootstrapHooks(parts: BootstrapParts): readonly PostStartHook[] {
  const { host, client } = parts;
  const inKubeSystem = (run: () => Promise<void>) => async (): Promise<void> => { await ensureSystemNamespaces(client); await run(); };
  return [
    hook(host, 'start-system-namespaces-controller', () => ensureSystemNamespaces(client), minuteMs),
    hook(host, 'rbac/bootstrap-roles', () => reconcileRbac(client, parts.features)),
    hook(host, 'scheduling/bootstrap-system-priority-classes', () => ensurePriorityClasses(client)),
    hook(host, 'priority-and-fairness-config-producer', () => ensureFlowControl(client), minuteMs),
    hook(host, 'start-cluster-authentication-info-controller', inKubeSystem(() => publishAuthenticationInfo(client, parts.authenticationInfo)), minuteMs),
    hook(host, 'start-kube-apiserver-identity-lease-controller', inKubeSystem(() => renewIdentityLease(host, client, parts.identity)), 10_000),
    hook(host, 'start-service-ip-repair-controllers', async () => { await parts.repair.pass((await client.list(resources.services)).items); }, 3 * minuteMs),
    kubernetesServiceHook(parts),
  ];
}
