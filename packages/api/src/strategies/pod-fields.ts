import type { JsonObject } from '../resource.ts';
import type { StrategyContext } from '../strategy.ts';
import { get, has, list, obj, objects, str, strings } from '../validation/access.ts';
import { appArmorPrefix } from '../validation/pod/annotations.ts';
import { allContainers } from '../validation/pod/windows.ts';
import { setOwn } from '../patch/values.ts';
import { metadataOf } from './generic.ts';

interface Gated {
  /** The places where this field may stand in a pod. */
  readonly places: (spec: JsonObject | undefined) => readonly (JsonObject | undefined)[];
  readonly key: string;
  /** With which it stays. */
  readonly feature?: string;
}

const volumeSources = (spec: JsonObject | undefined): readonly JsonObject[] => objects(spec, 'volumes').flatMap((volume) => objects(obj(volume, 'projected'), 'sources'));
const whole = (spec: JsonObject | undefined): readonly (JsonObject | undefined)[] => [spec];
const context = (spec: JsonObject | undefined): readonly (JsonObject | undefined)[] => [obj(spec, 'securityContext')];

const dynamicResources = 'DynamicResourceAllocation';

/** Fields of features that 1.32 leaves off: unless somebody switched them on they are dropped, unless the object has them already from a time when they were on. */
const gated: readonly Gated[] = [
  { key: 'hostUsers', places: whole }, { key: 'resourceClaims', places: whole, feature: dynamicResources }, { key: 'resources', places: whole },
  { key: 'supplementalGroupsPolicy', places: context }, { key: 'seLinuxChangePolicy', places: context },
  { key: 'resizePolicy', places: allContainers },
  { key: 'claims', places: (spec) => allContainers(spec).map((container) => obj(container, 'resources')), feature: dynamicResources },
  { key: 'clusterTrustBundle', places: volumeSources },
];

export function dropGatedPodFields(spec: JsonObject | undefined, old: JsonObject | undefined, { features }: Pick<StrategyContext, 'features'>): void {
  for (const { key, places, feature } of gated) {
    if (feature !== undefined && features?.has(feature) === true) continue;
    if (places(old).some((place) => has(place, key))) continue;
    for (const place of places(spec)) if (place !== undefined) delete place[key];
  }
  if (!contexts(old).some((one) => has(one, 'procMount') && str(one, 'procMount') !== 'Default')) for (const one of contexts(spec)) if (has(one, 'procMount')) one['procMount'] = 'Default';
  if (spec !== undefined && !objects(old, 'volumes').some((volume) => has(volume, 'image'))) dropImageVolumes(spec);
}

function contexts(spec: JsonObject | undefined): readonly JsonObject[] {
  return allContainers(spec).map((container) => obj(container, 'securityContext') ?? {});
}

/** Volumes made of images go, and what mounts them. */
function dropImageVolumes(spec: JsonObject): void {
  const gone = new Set(objects(spec, 'volumes').filter((volume) => has(volume, 'image')).map((volume) => str(volume, 'name')));
  if (gone.size === 0) return;
  spec['volumes'] = objects(spec, 'volumes').filter((volume) => !has(volume, 'image'));
  for (const container of allContainers(spec)) {
    if (has(container, 'volumeMounts')) container['volumeMounts'] = objects(container, 'volumeMounts').filter((mount) => !gone.has(str(mount, 'name')));
  }
}

function appArmorAnnotation(profile: JsonObject | undefined): string | undefined {
  switch (str(profile, 'type')) {
    case 'Unconfined': return 'unconfined';
    case 'RuntimeDefault': return 'runtime/default';
    case 'Localhost': return has(profile, 'localhostProfile') ? `localhost/${str(profile, 'localhostProfile')}` : undefined;
    default: return undefined;
  }
}

function appArmorField(annotation: string): JsonObject | undefined {
  if (annotation === 'unconfined') return { type: 'Unconfined' };
  if (annotation === 'runtime/default') return { type: 'RuntimeDefault' };
  const profile = annotation.startsWith('localhost/') ? annotation.slice('localhost/'.length) : '';
  return profile === '' ? undefined : { type: 'Localhost', localhostProfile: profile };
}

/** Old kubelets read the annotation and new ones the field: what is said in one way is said in the other as well. */
export function syncAppArmor(pod: JsonObject): void {
  const spec = obj(pod, 'spec');
  if (str(obj(spec, 'os'), 'name') === 'windows') return;
  const shared = obj(obj(spec, 'securityContext'), 'appArmorProfile');
  const metadata = metadataOf(pod);
  for (const container of allContainers(spec)) {
    const key = `${appArmorPrefix}${str(container, 'name')}`;
    const own = obj(obj(container, 'securityContext'), 'appArmorProfile');
    const annotation = get(obj(metadata, 'annotations'), key);
    if (annotation === undefined) {
      const text = appArmorAnnotation(own ?? shared);
      if (text === undefined) continue;
      const annotations = obj(metadata, 'annotations') ?? {};
      setOwn(annotations, key, text);
      metadata['annotations'] = annotations;
    } else if (own === undefined) {
      const profile = appArmorField(annotation as string);
      if (profile === undefined || appArmorAnnotation(shared) === annotation) continue;
      container['securityContext'] = { ...obj(container, 'securityContext'), appArmorProfile: profile };
    }
  }
}

function affinityTerms(spec: JsonObject | undefined): readonly JsonObject[] {
  return ['podAffinity', 'podAntiAffinity'].flatMap((kind) => {
    const affinity = obj(obj(spec, 'affinity'), kind);
    return [
      ...objects(affinity, 'requiredDuringSchedulingIgnoredDuringExecution'),
      ...objects(affinity, 'preferredDuringSchedulingIgnoredDuringExecution').map((one) => obj(one, 'podAffinityTerm') ?? {}),
    ];
  });
}

/** Keys whose values the pod itself says become part of the selector when it is made. */
export function mergeAffinityKeys(pod: JsonObject): void {
  const labels = obj(metadataOf(pod), 'labels');
  for (const term of affinityTerms(obj(pod, 'spec'))) {
    const selector = obj(term, 'labelSelector');
    if (selector === undefined) continue;
    for (const [key, operator] of [['matchLabelKeys', 'In'], ['mismatchLabelKeys', 'NotIn']] as const) {
      for (const name of strings(term, key)) {
        const value = get(labels, name);
        if (value !== undefined) selector['matchExpressions'] = [...list(selector, 'matchExpressions'), { key: name, operator, values: [value] }];
      }
    }
  }
}
