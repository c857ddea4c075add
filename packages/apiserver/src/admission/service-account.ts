import type { Host } from '@coxswain/host';
import type { Container, Pod, ServiceAccount, Volume } from 'kubernetes-types/core/v1';
import type { Lookup } from '../live-lookup.ts';
import { resources } from '@coxswain/client';
import type { AdmissionAttributes, AdmissionPlugin } from '../types.ts';
import { podOf, refuse } from './attributes.ts';
import { randomSuffix } from './random-suffix.ts';

const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount';
const volumeNamePrefix = 'kube-api-access-';
const enforceMountableSecrets = 'kubernetes.io/enforce-mountable-secrets';
/** The default account is made by a controller a moment after its namespace. */
const attemptsForDefault = 10;
const attemptEveryMs = 100;

type HostPart = Pick<Host, 'timers' | 'random'>;

export function serviceAccountAdmission(host: HostPart, lookup: Lookup): AdmissionPlugin {
  return {
    name: 'ServiceAccount',
    operations: ['CREATE'],
    async admit(a) {
      const pod = podOf(a);
      if (pod?.spec === undefined || isMirror(pod)) return;
      pod.spec.serviceAccountName ||= 'default';
      pod.spec.serviceAccount = pod.spec.serviceAccountName;
      const account = await findAccount(host, lookup, a, pod.spec.serviceAccountName);
      if (account.metadata?.annotations?.[enforceMountableSecrets] === 'true') refuseUnlistedSecrets(a, pod, account);
      if (mountsToken(pod, account)) mountToken(host, pod);
      if ((pod.spec.imagePullSecrets ?? []).length === 0 && account.imagePullSecrets !== undefined) {
        pod.spec.imagePullSecrets = structuredClone(account.imagePullSecrets);
      }
    },
    validate(a) {
      const pod = podOf(a);
      if (pod?.spec === undefined || !isMirror(pod)) return Promise.resolve();
      if (pod.spec.serviceAccountName) throw refuse(a, 'a mirror pod may not reference service accounts');
      const reads = (pod.spec.volumes ?? []).some((volume) => (volume.projected?.sources ?? []).some((source) => source.serviceAccountToken !== undefined));
      if (reads) throw refuse(a, 'a mirror pod may not use ServiceAccountToken volume projections');
      return Promise.resolve();
    },
  };
}

function isMirror(pod: Pod): boolean {
  return pod.metadata?.annotations?.['kubernetes.io/config.mirror'] !== undefined;
}

async function findAccount(host: HostPart, lookup: Lookup, a: AdmissionAttributes, name: string): Promise<ServiceAccount> {
  const attempts = name === 'default' ? attemptsForDefault : 1;
  for (let attempt = 1; ; attempt += 1) {
    const account = await lookup<ServiceAccount>(resources.serviceaccounts, a.namespace, name);
    if (account !== undefined) return account;
    if (attempt === attempts) throw refuse(a, `error looking up service account ${a.namespace}/${name}: serviceaccount ${JSON.stringify(name)} not found`);
    await host.timers.sleep(attemptEveryMs);
  }
}

function mountsToken(pod: Pod, account: ServiceAccount): boolean {
  return pod.spec?.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true;
}

function allContainers(pod: Pod): Container[] {
  return [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
}

/** Into every container that has nothing mounted at that path yet. */
function mountToken(host: HostPart, pod: Pod): void {
  const spec = pod.spec;
  if (spec === undefined) return;
  const existing = (spec.volumes ?? []).find((volume) => volume.name.startsWith(volumeNamePrefix));
  const name = existing?.name ?? unusedName(host, spec.volumes ?? []);
  let needed = false;
  for (const container of allContainers(pod)) {
    if ((container.volumeMounts ?? []).some((mount) => mount.mountPath === mountPath)) continue;
    container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath }];
    needed = true;
  }
  if (needed && existing === undefined) spec.volumes = [...(spec.volumes ?? []), tokenVolume(name)];
}

function unusedName(host: HostPart, volumes: readonly Volume[]): string {
  for (;;) {
    const name = volumeNamePrefix + randomSuffix(host.random, 5);
    if (!volumes.some((volume) => volume.name === name)) return name;
  }
}

function tokenVolume(name: string): Volume {
  return {
    name,
    projected: {
      sources: [
        // 7 s more than an hour: so that such tokens can be told from those that were asked for by hand.
        { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } },
      ],
      defaultMode: 0o644,
    },
  };
}

function refuseUnlistedSecrets(a: AdmissionAttributes, pod: Pod, account: ServiceAccount): void {
  const mountable = new Set((account.secrets ?? []).map((secret) => secret.name));
  const name = account.metadata?.name ?? '';
  for (const volume of pod.spec?.volumes ?? []) {
    const secret = volume.secret?.secretName;
    if (secret !== undefined && !mountable.has(secret)) {
      throw refuse(a, `volume with secret.secretName=${JSON.stringify(secret)} is not allowed because service account ${name} does not reference that secret`);
    }
  }
  for (const container of allContainers(pod)) {
    for (const env of container.env ?? []) {
      const secret = env.valueFrom?.secretKeyRef?.name;
      if (secret !== undefined && !mountable.has(secret)) {
        throw refuse(a, `container ${container.name} with envVar ${env.name} referencing secret.secretName=${JSON.stringify(secret)} is not allowed because service account ${name} does not reference that secret`);
      }
    }
  }
}
