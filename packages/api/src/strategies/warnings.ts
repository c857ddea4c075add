import { append } from '@coxswain/host';
import type { JsonObject } from '../resource.ts';
import type { Strategy } from '../strategy.ts';
import { quantityMilliValue } from '../quantity/index.ts';
import { quote } from '../validation/errors.ts';
import { entries, get, has, num, obj, objects, str } from '../validation/access.ts';
import { quantityText } from '../validation/common.ts';
import { dns1123Label } from '../validation/formats.ts';
import { appArmorPrefix } from '../validation/pod/annotations.ts';
import { containersWithPath } from '../validation/pod/windows.ts';

/** Labels of nodes that have a successor. */
const oldNodeLabels: Readonly<Record<string, readonly [since: string, successor: string]>> = {
  'beta.kubernetes.io/arch': ['v1.14', 'kubernetes.io/arch'],
  'beta.kubernetes.io/os': ['v1.14', 'kubernetes.io/os'],
  'failure-domain.beta.kubernetes.io/region': ['v1.17', 'topology.kubernetes.io/region'],
  'failure-domain.beta.kubernetes.io/zone': ['v1.17', 'topology.kubernetes.io/zone'],
  'beta.kubernetes.io/instance-type': ['v1.17', 'node.kubernetes.io/instance-type'],
};

function oldLabel(key: string): string | undefined {
  const known = oldNodeLabels[key];
  return known === undefined ? undefined : `deprecated since ${known[0]}; use "${known[1]}" instead`;
}

/** Also of a volume's or a storage class's place. */
function nodeTermWarnings(term: JsonObject | undefined, field: string): string[] {
  return objects(term, 'matchExpressions').flatMap((one, index) => {
    const text = oldLabel(str(one, 'key'));
    return text === undefined ? [] : [`${field}.matchExpressions[${index}].key: ${str(one, 'key')} is ${text}`];
  });
}

function nodeWarnings(spec: JsonObject | undefined, field: string): string[] {
  const affinity = obj(obj(spec, 'affinity'), 'nodeAffinity');
  const at = `${field}.affinity.nodeAffinity`;
  return [
    ...entries(obj(spec, 'nodeSelector')).flatMap(([key]) => {
      const text = oldLabel(key);
      return text === undefined ? [] : [`${field}.nodeSelector[${key}]: ${text}`];
    }),
    ...objects(obj(affinity, 'requiredDuringSchedulingIgnoredDuringExecution'), 'nodeSelectorTerms')
      .flatMap((term, index) => nodeTermWarnings(term, `${at}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[${index}]`)),
    ...objects(affinity, 'preferredDuringSchedulingIgnoredDuringExecution')
      .flatMap((one, index) => nodeTermWarnings(obj(one, 'preference'), `${at}.preferredDuringSchedulingIgnoredDuringExecution[${index}].preference`)),
    ...objects(spec, 'topologySpreadConstraints').flatMap((one, index) => {
      const key = str(one, 'topologyKey');
      const place = `${field}.topologySpreadConstraints[${index}]`;
      const text = oldLabel(key);
      return [...(text === undefined ? [] : [`${place}.topologyKey: ${key} is ${text}`]), ...(has(one, 'labelSelector') ? [] : [`${place}.labelSelector: ${nullSelector}`])];
    }),
  ];
}

const nullSelector = 'a null labelSelector results in matching no pod';

function affinityWarnings(spec: JsonObject | undefined, field: string): string[] {
  return ['podAffinity', 'podAntiAffinity'].flatMap((kind) => {
    const affinity = obj(obj(spec, 'affinity'), kind);
    const at = `${field}.affinity.${kind}`;
    return [
      ...objects(affinity, 'requiredDuringSchedulingIgnoredDuringExecution').flatMap((term, index) => (
        has(term, 'labelSelector') ? [] : [`${at}.requiredDuringSchedulingIgnoredDuringExecution[${index}].labelSelector: ${nullSelector}`])),
      ...objects(affinity, 'preferredDuringSchedulingIgnoredDuringExecution').flatMap((one, index) => (
        has(obj(one, 'podAffinityTerm'), 'labelSelector') ? [] : [`${at}.preferredDuringSchedulingIgnoredDuringExecution[${index}].podAffinityTerm.labelSelector: ${nullSelector}`])),
    ];
  });
}

/** Kinds of volumes that no longer do anything, or soon will not. */
const oldVolumes: readonly (readonly [key: string, shown: string, text: string])[] = [
  ['photonPersistentDisk', 'photonPersistentDisk', 'deprecated in v1.11, non-functional in v1.16+'], ['gitRepo', 'gitRepo', 'deprecated in v1.11'],
  ['scaleIO', 'scaleIO', 'deprecated in v1.16, non-functional in v1.22+'], ['flocker', 'flocker', 'deprecated in v1.22, non-functional in v1.25+'],
  ['storageos', 'storageOS', 'deprecated in v1.22, non-functional in v1.25+'], ['quobyte', 'quobyte', 'deprecated in v1.22, non-functional in v1.25+'],
  ['glusterfs', 'glusterfs', 'deprecated in v1.25, non-functional in v1.26+'],
];
const lateOldVolumes: typeof oldVolumes = [['cephfs', 'cephfs', 'deprecated in v1.28, non-functional in v1.31+'], ['rbd', 'rbd', 'deprecated in v1.28, non-functional in v1.31+']];

/** A volume of its own, in the order in which upstream looks. */
const oldPersistentVolumes = ['cephfs', 'photonPersistentDisk', 'scaleIO', 'storageos', 'glusterfs', 'rbd'];

export function persistentVolumeWarnings(volume: JsonObject): string[] {
  const spec = obj(volume, 'spec');
  return oldPersistentVolumes.filter((key) => has(spec, key)).flatMap((key) => [...oldVolumes, ...lateOldVolumes].filter(([name]) => name === key).map(([, shown, text]) => `spec.${shown}: ${text}`));
}

function volumeWarnings(volume: JsonObject, field: string): string[] {
  const told = (list: typeof oldVolumes): string[] => list.filter(([key]) => has(volume, key)).map(([, shown, text]) => `${field}.${shown}: ${text}`);
  const template = obj(obj(volume, 'ephemeral'), 'volumeClaimTemplate');
  return [...told(oldVolumes), ...(template === undefined ? [] : claimSpecWarnings(obj(template, 'spec'), `${field}.ephemeral.volumeClaimTemplate.spec`)), ...told(lateOldVolumes)];
}

function fractional(list: JsonObject | undefined, name: string, field: string): string[] {
  const value = get(list, name);
  if (value === undefined || quantityMilliValue(quantityText(value)) % 1000 === 0) return [];
  return [`${field}[${name}]: fractional byte value ${quote(quantityText(value))} is invalid, must be an integer`];
}

export function claimSpecWarnings(spec: JsonObject | undefined, field: string): string[] {
  return ['requests', 'limits'].flatMap((list) => fractional(obj(obj(spec, 'resources'), list), 'storage', `${field}.resources.${list}`));
}

/** Names that stand twice in a list where each should be there once. */
function repeats(items: readonly JsonObject[], key: string, text: (value: string) => string, field: string): string[] {
  const seen = new Set<string>();
  return items.flatMap((item, index) => {
    const value = str(item, key);
    const again = seen.has(value);
    seen.add(value);
    return again ? [`${field}[${index}].${key}: ${text(value)}`] : [];
  });
}

function listWarnings(spec: JsonObject | undefined, field: string): string[] {
  const secrets = objects(spec, 'imagePullSecrets');
  return [
    ...repeats(objects(spec, 'hostAliases'), 'ip', (ip) => `duplicate ip ${quote(ip)}`, `${field}.hostAliases`),
    ...repeats(secrets, 'name', (name) => `duplicate name ${quote(name)}`, `${field}.imagePullSecrets`),
    ...secrets.flatMap((secret, index) => (str(secret, 'name') === '' ? [`${field}.imagePullSecrets[${index}].name: invalid empty name ""`] : [])),
    ...['memory', 'ephemeral-storage'].flatMap((name) => fractional(obj(spec, 'overhead'), name, `${field}.overhead`)),
  ];
}

interface ProjectedPath { readonly path: string; readonly source: string }

function pathsOf(source: JsonObject): readonly ProjectedPath[] {
  const items = (key: string, label: string): ProjectedPath[] => objects(obj(source, key), 'items').map((item) => ({ path: str(item, 'path'), source: label }));
  if (has(source, 'secret')) return items('secret', `Secret ${quote(str(obj(source, 'secret'), 'name'))}`);
  if (has(source, 'configMap')) return items('configMap', `ConfigMap ${quote(str(obj(source, 'configMap'), 'name'))}`);
  if (has(source, 'downwardAPI')) return items('downwardAPI', 'DownwardAPI');
  return has(source, 'serviceAccountToken') ? [{ path: str(obj(source, 'serviceAccountToken'), 'path'), source: 'ServiceAccountToken' }] : [];
}

function overlaps(a: string, b: string): boolean {
  return a === b || a.startsWith(`${b}/`) || b.startsWith(`${a}/`);
}

/** A source without items is compared as if it were the one before it: upstream does so, and clients see it. */
function projectedWarnings(volume: JsonObject): string[] {
  const warnings: string[] = [];
  const all: ProjectedPath[] = [];
  let paths: readonly ProjectedPath[] = [];
  for (const source of objects(obj(volume, 'projected'), 'sources')) {
    if (Object.keys(source).length === 0) {
      warnings.push(`volume ${quote(str(volume, 'name'))} (Projected) has no sources provided`);
      continue;
    }
    const own = pathsOf(source);
    if (own.length > 0) paths = own;
    for (const one of paths) {
      for (const other of all.filter((known) => overlaps(known.path, one.path))) {
        warnings.push(`volume ${quote(str(volume, 'name'))} (Projected): overlapping paths: ${quote(one.path)} (${one.source}) with ${quote(other.path)} (${other.source})`);
      }
    }
    append(all, own);
  }
  return warnings;
}

function duplicateEnv(container: JsonObject, field: string): string[] {
  const seen = new Set<string>();
  return objects(container, 'env').flatMap((variable, index) => {
    const name = str(variable, 'name');
    const value = str(variable, 'value');
    const again = seen.has(name);
    seen.add(name);
    const reference = `$(${name})`;
    const isBad = has(variable, 'valueFrom') || value === reference || !value.includes(reference);
    return again && isBad ? [`${field}.env[${index}]: hides previous definition of ${quote(name)}, which may be dropped when using apply`] : [];
  });
}

interface Port { readonly at: string; readonly ip: string; readonly host: number }

function clash(port: Port, other: Port): string | undefined {
  if (port.ip === other.ip && port.host === other.host) return 'duplicate';
  if (port.host === 0 || other.host === 0) return 'overlapping';
  return port.host === other.host && (port.ip === '') !== (other.ip === '') ? 'dangerously ambiguous' : undefined;
}

/** Across all containers, since they share the pod's address. */
function portWarnings(spec: JsonObject | undefined, field: string): string[] {
  const known = new Map<string, Port[]>();
  return containersWithPath(spec, field).flatMap(([container, containerAt]) => objects(container, 'ports').flatMap((one, index) => {
    const port: Port = { at: `${containerAt}.ports[${index}]`, ip: str(one, 'hostIP'), host: num(one, 'hostPort') };
    const key = `${num(one, 'containerPort')}/${str(one, 'protocol')}`;
    const others = known.get(key) ?? [];
    known.set(key, [...others, port]);
    const shown = `{Name:${str(one, 'name')} HostPort:${port.host} ContainerPort:${num(one, 'containerPort')} Protocol:${str(one, 'protocol')} HostIP:${port.ip}}`;
    return [
      ...(port.ip !== '' && port.host === 0 ? [`${port.at}: hostIP set without hostPort: ${shown}`] : []),
      ...others.flatMap((other) => {
        const how = clash(port, other);
        return how === undefined ? [] : [`${port.at}: ${how} port definition with ${other.at}`];
      }),
    ];
  }));
}

const seccompKeys = ['seccomp.security.alpha.kubernetes.io/pod', 'container.seccomp.security.alpha.kubernetes.io/'] as const;
const armorText = 'deprecated since v1.30; use the "appArmorProfile" field instead';
const seccompText = 'non-functional in v1.27+; use the "seccompProfile" field instead';

function containerWarnings(container: JsonObject, at: string, annotations: JsonObject | undefined, annotationsAt: string, hasArmor: boolean): string[] {
  const context = obj(container, 'securityContext');
  const seccomp = `${seccompKeys[1]}${str(container, 'name')}`;
  const armor = `${appArmorPrefix}${str(container, 'name')}`;
  return [
    ...(!has(context, 'seccompProfile') && has(annotations, seccomp) ? [`${annotationsAt}[${seccomp}]: ${seccompText}`] : []),
    ...(!hasArmor && !has(context, 'appArmorProfile') && has(annotations, armor) ? [`${annotationsAt}[${armor}]: ${armorText}`] : []),
    ...['memory', 'ephemeral-storage'].flatMap((name) => ['limits', 'requests'].flatMap((list) => fractional(obj(obj(container, 'resources'), list), name, `${at}.resources.${list}`))),
    ...duplicateEnv(container, at),
  ];
}

/** `template` holds metadata and spec; `field` is its place, '' for a pod. */
function templateTexts(template: JsonObject | undefined, field: string): string[] {
  const spec = obj(template, 'spec');
  const prefix = field === '' ? '' : `${field}.`;
  const at = `${prefix}spec`;
  const annotations = obj(obj(template, 'metadata'), 'annotations');
  const annotationsAt = `${prefix}metadata.annotations`;
  const context = obj(spec, 'securityContext');
  // Of a pod, the annotation was made a field before.
  const hasArmor = field === '' || has(context, 'appArmorProfile');
  return [
    ...nodeWarnings(spec, at),
    ...objects(spec, 'volumes').flatMap((volume, index) => volumeWarnings(volume, `${at}.volumes[${index}]`)),
    ...objects(spec, 'volumes').flatMap(projectedWarnings),
    ...listWarnings(spec, at),
    ...(!has(context, 'seccompProfile') && has(annotations, seccompKeys[0]) ? [`${annotationsAt}[${seccompKeys[0]}]: ${seccompText}`] : []),
    ...containersWithPath(spec, at).flatMap(([container, place]) => containerWarnings(container, place, annotations, annotationsAt, hasArmor)),
    ...portWarnings(spec, at),
    ...(num(spec, 'terminationGracePeriodSeconds') < 0 ? [`${at}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`] : []),
    ...affinityWarnings(spec, at),
  ];
}

/** People make pods, and seldom change them: only a new one is worth a warning. */
export function podWarnings(pod: JsonObject, old: JsonObject | undefined): string[] {
  if (old !== undefined) return [];
  const problems = dns1123Label(str(obj(pod, 'metadata'), 'name'));
  const text = problems.length === 0 ? [] : [`metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [${problems.join(' ')}]`];
  return [...text, ...templateTexts(pod, '')];
}

/** A change of nothing that counts is not worth a warning. */
export function specChanged(object: JsonObject, old: JsonObject | undefined): boolean {
  return old === undefined || get(obj(object, 'metadata'), 'generation') !== get(obj(old, 'metadata'), 'generation');
}

/** `path` leads from the object to the template. */
export function templateWarnings(...path: readonly string[]): (object: JsonObject, old: JsonObject | undefined) => string[] {
  return (object, old) => (specChanged(object, old) ? templateTexts([...path].reduce<JsonObject | undefined>((at, key) => obj(at, key), object), path.join('.')) : []);
}

const nameText = 'metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: ';

/** For kinds whose pods are named after them. */
export function namedWarnings(next: NonNullable<Strategy['warnings']>): NonNullable<Strategy['warnings']> {
  return (object, old) => {
    const problems = old === undefined ? dns1123Label(str(obj(object, 'metadata'), 'name')) : [];
    return [...(problems.length === 0 ? [] : [`${nameText}[${problems.join(' ')}]`]), ...next(object, old)];
  };
}
