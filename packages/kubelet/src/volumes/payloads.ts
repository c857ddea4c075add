import { utf8 } from '@coxswain/host';
import type { ConfigMap, DownwardAPIVolumeFile, KeyToPath, Pod, Secret, Volume } from 'kubernetes-types/core/v1';
import { decodeBase64 } from '../base64.ts';
import { downwardField, downwardResource } from '../pod/env.ts';
import { allContainers, specOf } from '../pod/pod-facts.ts';
import type { Payload, PayloadFile } from './atomic-writer.ts';
import type { ClaimedVolumes } from './claims.ts';
import type { ReferencedObjects } from './objects.ts';
import type { ServiceAccountTokens } from './tokens.ts';

export interface PayloadSources {
  readonly objects: ReferencedObjects;
  readonly tokens: ServiceAccountTokens;
  readonly claims: ClaimedVolumes;
  readonly nodeName: string;
  readonly hostIp: () => string;
  readonly podIps: (pod: Pod) => readonly string[];
  readonly allocatable: () => Readonly<Record<string, string>>;
}

/** What upstream says when a volume cannot be made; shown in a FailedMount event. */
export class VolumeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'VolumeError';
  }
}

const defaultMode = 0o644;

function selectItems(data: ReadonlyMap<string, Uint8Array>, items: readonly KeyToPath[] | undefined, mode: number, optional: boolean): Map<string, PayloadFile> {
  const out = new Map<string, PayloadFile>();
  if (items === undefined || items.length === 0) {
    for (const [key, value] of data) out.set(key, { data: value, mode });
    return out;
  }
  for (const item of items) {
    const value = data.get(item.key);
    if (value === undefined) {
      if (optional) continue;
      throw new VolumeError(`references non-existent config key: ${item.key}`);
    }
    out.set(item.path.replace(/^\/+/, ''), { data: value, mode: item.mode ?? mode });
  }
  return out;
}

function configMapData(object: ConfigMap | undefined): Map<string, Uint8Array> {
  const out = new Map<string, Uint8Array>();
  for (const [key, value] of Object.entries(object?.data ?? {})) out.set(key, utf8(value));
  for (const [key, value] of Object.entries(object?.binaryData ?? {})) out.set(key, decodeBase64(value));
  return out;
}

function secretData(object: Secret | undefined): Map<string, Uint8Array> {
  return new Map(Object.entries(object?.data ?? {}).map(([key, value]) => [key, decodeBase64(value)]));
}

async function fromObject(pod: Pod, sources: PayloadSources, reference: { kind: 'configmap' | 'secret'; name: string; items?: readonly KeyToPath[] | undefined; optional: boolean; mode: number }): Promise<Map<string, PayloadFile>> {
  const namespace = pod.metadata?.namespace ?? '';
  const object = reference.kind === 'configmap' ? await sources.objects.configMap(namespace, reference.name) : await sources.objects.secret(namespace, reference.name);
  if (object === undefined && !reference.optional) throw new VolumeError(`${reference.kind} ${JSON.stringify(reference.name)} not found`);
  const data = reference.kind === 'configmap' ? configMapData(object as ConfigMap | undefined) : secretData(object as Secret | undefined);
  return selectItems(data, reference.items, reference.mode, reference.optional);
}

function downward(pod: Pod, items: readonly DownwardAPIVolumeFile[], mode: number, sources: PayloadSources): Map<string, PayloadFile> {
  const out = new Map<string, PayloadFile>();
  const facts = { podIps: sources.podIps(pod), hostIp: sources.hostIp(), nodeName: sources.nodeName };
  for (const item of items) {
    const resource = item.resourceFieldRef;
    const value = item.fieldRef !== undefined
      ? downwardField(pod, item.fieldRef.fieldPath, facts)
      : resource === undefined ? '' : downwardResource(pod, {
        resource: resource.resource, ...(resource.containerName === undefined ? {} : { containerName: resource.containerName }), ...(resource.divisor === undefined ? {} : { divisor: resource.divisor }),
      }, undefined, sources.allocatable());
    out.set(item.path.replace(/^\/+/, ''), { data: utf8(value), mode: item.mode ?? mode });
  }
  return out;
}

/** The one user that all containers run as, if there is one: then only it may read the token. */
function commonUser(pod: Pod): number | undefined {
  const users = new Set(allContainers(pod).map((container) => container.securityContext?.runAsUser ?? specOf(pod).securityContext?.runAsUser));
  const [only] = [...users];
  return users.size === 1 ? only : undefined;
}

type ProjectedSource = NonNullable<NonNullable<Volume['projected']>['sources']>[number];

async function projectedSource(pod: Pod, source: ProjectedSource, mode: number, sources: PayloadSources): Promise<Map<string, PayloadFile>> {
  if (source.configMap !== undefined) return fromObject(pod, sources, { kind: 'configmap', name: source.configMap.name ?? '', items: source.configMap.items, optional: source.configMap.optional === true, mode });
  if (source.secret !== undefined) return fromObject(pod, sources, { kind: 'secret', name: source.secret.name ?? '', items: source.secret.items, optional: source.secret.optional === true, mode });
  if (source.downwardAPI !== undefined) return downward(pod, source.downwardAPI.items ?? [], mode, sources);
  if (source.serviceAccountToken !== undefined) {
    const { path, audience = '', expirationSeconds = 3600 } = source.serviceAccountToken;
    const user = commonUser(pod);
    const restricted = user !== undefined || specOf(pod).securityContext?.fsGroup !== undefined;
    return new Map([[path, { data: utf8(await sources.tokens.token(pod, audience, expirationSeconds)), mode: restricted ? 0o600 : mode, ...(user === undefined ? {} : { uid: user }) }]]);
  }
  return new Map();
}

/** The files of a volume whose contents come from the API; undefined for other volumes. */
export async function volumePayload(pod: Pod, volume: Volume, sources: PayloadSources): Promise<Payload | undefined> {
  if (volume.configMap !== undefined) {
    const source = volume.configMap;
    return fromObject(pod, sources, { kind: 'configmap', name: source.name ?? '', items: source.items, optional: source.optional === true, mode: source.defaultMode ?? defaultMode });
  }
  if (volume.secret !== undefined) {
    const source = volume.secret;
    return fromObject(pod, sources, { kind: 'secret', name: source.secretName ?? '', items: source.items, optional: source.optional === true, mode: source.defaultMode ?? defaultMode });
  }
  if (volume.downwardAPI !== undefined) return downward(pod, volume.downwardAPI.items ?? [], volume.downwardAPI.defaultMode ?? defaultMode, sources);
  if (volume.projected === undefined) return undefined;
  const out = new Map<string, PayloadFile>();
  for (const source of volume.projected.sources ?? []) {
    for (const [path, file] of await projectedSource(pod, source, volume.projected.defaultMode ?? defaultMode, sources)) out.set(path, file);
  }
  return out;
}
