import { StatusError } from '@coxswain/api';
import type { Container, Pod, PodSpec, Volume } from 'kubernetes-types/core/v1';
import { typedOrNone } from '../typed.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../types.ts';
import { podOf, refuse } from './attributes.ts';

const lists = ['initContainers', 'containers', 'ephemeralContainers'] as const;

function* containersOf(spec: PodSpec): Generator<readonly [path: string, container: Container]> {
  for (const list of lists) {
    for (const [index, container] of ((spec[list] ?? []) as Container[]).entries()) yield [`spec.${list}[${index}]`, container];
  }
}

/** Volumes of images are newer than the types. */
type ImageVolume = Volume & { readonly image?: { pullPolicy?: string } };

function imagesOf(spec: PodSpec): readonly ImageVolume['image'][] {
  return ((spec.volumes ?? []) as ImageVolume[]).map(({ image }) => image);
}

function podWithNewImages(a: AdmissionAttributes): Pod | undefined {
  const pod = podOf(a);
  if (pod?.spec === undefined || a.operation !== 'UPDATE') return pod;
  const before = typedOrNone<Pod>(a.oldObject)?.spec;
  const known = new Set(before === undefined ? [] : [...containersOf(before)].map(([, container]) => container.image));
  return [...containersOf(pod.spec)].some(([, container]) => !known.has(container.image)) ? pod : undefined;
}

function notAlways(path: string, policy: string | undefined): string {
  return `${path}: Unsupported value: ${JSON.stringify(policy ?? '')}: supported values: "Always"`;
}

/** So that nobody uses an image that a node happens to have without the right to pull it. */
export const alwaysPullImages: AdmissionPlugin = {
  name: 'AlwaysPullImages',
  operations: ['CREATE', 'UPDATE'],
  admit(a) {
    const spec = podWithNewImages(a)?.spec;
    if (spec === undefined) return Promise.resolve();
    for (const [, container] of containersOf(spec)) container.imagePullPolicy = 'Always';
    for (const image of imagesOf(spec)) if (image !== undefined) image.pullPolicy = 'Always';
    return Promise.resolve();
  },
  validate(a) {
    const spec = podWithNewImages(a)?.spec;
    if (spec === undefined) return Promise.resolve();
    const wrong = [
      ...[...containersOf(spec)].filter(([, container]) => container.imagePullPolicy !== 'Always').map(([path, container]) => notAlways(`${path}.imagePullPolicy`, container.imagePullPolicy)),
      ...imagesOf(spec).flatMap((image, index) => (image === undefined || image.pullPolicy === 'Always' ? [] : [notAlways(`spec.volumes[${index}].image.pullPolicy`, image.pullPolicy)])),
    ].map((text) => refuse(a, text).message);
    if (wrong.length > 0) throw new StatusError('', wrong.length === 1 ? wrong[0] as string : `[${wrong.join(', ')}]`);
    return Promise.resolve();
  },
};
