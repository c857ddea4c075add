import { StatusError } from '@coxswain/api';
import type { Host } from '@coxswain/host';
import type { Container, Pod, ServiceAccount, Volume } from 'kubernetes-types/core/v1';
import type { Lookup } from '../live-lookup.ts';
import { resources } from '@coxswain/client';
import { podReferences } from '../authz/pod-references.ts';
import { typedOrNone } from '../typed.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../types.ts';
import { isResource, podOf, refuse } from './attributes.ts';
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
    operations: ['CREATE', 'UPDATE'],
    resources: new Set(['pods', 'pods/ephemeralcontainers']),
    async admit(a) {
      const pod = a.operation === 'CREATE' ? podOf(a) : undefined;
      if (pod?.spec === undefined) return;
      if (isMirror(pod)) {
        checkMirror(a, pod);
        return;
      }
      pod.spec.serviceAccountName ||= 'default';
      pod.spec.serviceAccount = pod.spec.serviceAccountName;
      const account = await findAccount(host, lookup, a, pod.spec.serviceAccountName);
      if (mountsToken(pod, account)) mountToken(host, pod);
      if ((pod.spec.imagePullSecrets ?? []).length === 0 && account.imagePullSecrets !== undefined) {
        pod.spec.imagePullSecrets = account.imagePullSecrets.map(({ name }) => (name === undefined ? {} : { name }));
      }
      if (limitsSecrets(account)) refuseUnlisted(a, unlistedReference(pod, account));
    },
    async validate(a) {
      const ephemeral = isResource(a, '', 'pods', 'ephemeralcontainers');
      const pod = ephemeral || a.operation === 'CREATE' ? typedOrNone<Pod>(ephemeral || isResource(a, '', 'pods') ? a.object : undefined) : undefined;
      if (pod?.spec === undefined) return;
      if (!ephemeral && isMirror(pod)) {
        checkMirror(a, pod);
        return;
      }
      if (!pod.spec.serviceAccountName) throw refuse(a, `no service account specified for pod ${a.namespace}/${pod.metadata?.name ?? ''}`);
      const account = await findAccount(host, lookup, a, pod.spec.serviceAccountName);
      if (!limitsSecrets(account)) return;
      // Upstream answers this one as it is, without saying that it is forbidden.
      const found = ephemeral ? unlistedInContainers('ephemeral container', (pod.spec.ephemeralContainers ?? []) as Container[], account) : undefined;
      if (found !== undefined) throw new StatusError('', found);
      if (!ephemeral) refuseUnlisted(a, unlistedReference(pod, account));
    },
  };
}

/** The kubelet's own pods must not reach into the API. */
function checkMirror(a: AdmissionAttributes, pod: Pod): void {
  if (pod.spec?.serviceAccountName) throw refuse(a, 'a mirror pod may not reference service accounts');
  if ([...podReferences(pod)].some((reference) => reference.startsWith('secrets '))) throw refuse(a, 'a mirror pod may not reference secrets');
  const reads = (pod.spec?.volumes ?? []).some((volume) => (volume.projected?.sources ?? []).some((source) => source.serviceAccountToken !== undefined));
  if (reads) throw refuse(a, 'a mirror pod may not use ServiceAccountToken volume projections');
}

function limitsSecrets(account: ServiceAccount): boolean {
  return ['1', 't', 'T', 'true', 'TRUE', 'True'].includes(account.metadata?.annotations?.[enforceMountableSecrets] ?? '');
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

function unlistedInContainers(called: string, containers: readonly Container[], account: ServiceAccount): string | undefined {
  const mountable = new Set((account.secrets ?? []).map((secret) => secret.name));
  const text = (container: Container, how: string, secret: string): string =>
    `${called} ${container.name} with ${how} referencing secret.secretName="${secret}" is not allowed because service account ${account.metadata?.name ?? ''} does not reference that secret`;
  for (const container of containers) {
    for (const { name, valueFrom } of container.env ?? []) {
      const secret = valueFrom?.secretKeyRef?.name;
      if (secret !== undefined && !mountable.has(secret)) return text(container, `envVar ${name}`, secret);
    }
    for (const { secretRef } of container.envFrom ?? []) {
      if (secretRef?.name !== undefined && !mountable.has(secretRef.name)) return text(container, 'envFrom', secretRef.name);
    }
  }
  return undefined;
}

/** Undefined: the pod uses only what its account lists. */
function unlistedReference(pod: Pod, account: ServiceAccount): string | undefined {
  const listed = (list: readonly { readonly name?: string }[] | undefined): Set<string | undefined> => new Set((list ?? []).map(({ name }) => name));
  const [mountable, pullable, name] = [listed(account.secrets), listed(account.imagePullSecrets), account.metadata?.name ?? ''];
  const volume = (pod.spec?.volumes ?? []).find(({ secret }) => secret !== undefined && !mountable.has(secret.secretName))?.secret?.secretName;
  if (volume !== undefined) return `volume with secret.secretName="${volume}" is not allowed because service account ${name} does not reference that secret`;
  const inContainer = unlistedInContainers('init container', pod.spec?.initContainers ?? [], account) ?? unlistedInContainers('container', pod.spec?.containers ?? [], account);
  if (inContainer !== undefined) return inContainer;
  const index = (pod.spec?.imagePullSecrets ?? []).findIndex((secret) => !pullable.has(secret.name));
  if (index < 0) return undefined;
  return `imagePullSecrets[${index}].name="${pod.spec?.imagePullSecrets?.[index]?.name ?? ''}" is not allowed because service account ${name} does not reference that imagePullSecret`;
}

function refuseUnlisted(a: AdmissionAttributes, found: string | undefined): void {
  if (found !== undefined) throw refuse(a, found);
}
