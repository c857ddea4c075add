import type { JsonObject } from '../resource.ts';
import { compareQuantity, quantityMilliValue } from '../quantity/index.ts';
import { quote } from '../validation/errors.ts';
import { entries, get, has, num, obj, objects, str } from '../validation/access.ts';
import { quantityText } from '../validation/common.ts';
import { dns1123Label } from '../validation/formats.ts';

/** Labels of nodes that have a successor. */
const oldNodeLabels: Readonly<Record<string, readonly [since: string, successor: string]>> = {
  'beta.kubernetes.io/arch': ['v1.14', 'kubernetes.io/arch'],
  'beta.kubernetes.io/os': ['v1.14', 'kubernetes.io/os'],
  'failure-domain.beta.kubernetes.io/region': ['v1.17', 'topology.kubernetes.io/region'],
  'failure-domain.beta.kubernetes.io/zone': ['v1.17', 'topology.kubernetes.io/zone'],
  'beta.kubernetes.io/instance-type': ['v1.17', 'node.kubernetes.io/instance-type'],
};

function nodeSelectorWarnings(spec: JsonObject | undefined, field: string): string[] {
  return entries(obj(spec, 'nodeSelector')).flatMap(([key]) => {
    const known = oldNodeLabels[key];
    return known === undefined ? [] : [`${field}.nodeSelector[${key}]: deprecated since ${known[0]}; use "${known[1]}" instead`];
  });
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
    const own = pathsOf(source);
    if (own.length > 0) paths = own;
    for (const one of paths) {
      for (const other of all.filter((known) => overlaps(known.path, one.path))) {
        warnings.push(`volume ${quote(str(volume, 'name'))} (Projected): overlapping paths: ${quote(one.path)} (${one.source}) with ${quote(other.path)} (${other.source})`);
      }
    }
    all.push(...own);
  }
  return warnings;
}

function duplicateEnv(container: JsonObject, field: string): string[] {
  const seen = new Set<string>();
  return objects(container, 'env').flatMap((variable, index) => {
    const name = str(variable, 'name');
    const again = seen.has(name);
    seen.add(name);
    return again ? [`${field}.env[${index}]: hides previous definition of ${quote(name)}, which may be dropped when using apply`] : [];
  });
}

function duplicatePorts(container: JsonObject, field: string): string[] {
  const seen = new Map<string, string>();
  return objects(container, 'ports').flatMap((port, index) => {
    const at = `${field}.ports[${index}]`;
    const id = `${num(port, 'containerPort')}/${str(port, 'protocol')}/${num(port, 'hostPort')}`;
    const first = seen.get(id);
    if (first === undefined) seen.set(id, at);
    return first === undefined ? [] : [`${at}: duplicate port definition with ${first}`];
  });
}

function fractions(container: JsonObject, field: string): string[] {
  return ['limits', 'requests'].flatMap((list) => ['ephemeral-storage', 'memory'].flatMap((name) => {
    const value = get(obj(obj(container, 'resources'), list), name);
    if (value === undefined || compareQuantity(quantityText(value), '0') <= 0 || quantityMilliValue(quantityText(value)) % 1000 === 0) return [];
    return [`${field}.resources.${list}[${name}]: fractional byte value ${quote(quantityText(value))} is invalid, must be an integer`];
  }));
}

export function podSpecWarnings(spec: JsonObject | undefined, field: string): string[] {
  return [
    ...nodeSelectorWarnings(spec, field),
    ...objects(spec, 'volumes').flatMap(projectedWarnings),
    ...['initContainers', 'containers'].flatMap((key) => objects(spec, key).flatMap((container, index) => {
      const at = `${field}.${key}[${index}]`;
      return [...fractions(container, at), ...duplicateEnv(container, at), ...duplicatePorts(container, at)];
    })),
  ];
}

/** Only what a create or a change of the spec brings in is worth a warning. */
export function podWarnings(pod: JsonObject, old: JsonObject | undefined): string[] {
  const name = str(obj(pod, 'metadata'), 'name');
  const problems = old === undefined && str(obj(pod, 'spec'), 'hostname') === '' ? dns1123Label(name) : [];
  const text = problems.length === 0 ? [] : [`metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [${problems.join(' ')}]`];
  return old === undefined ? [...text, ...podSpecWarnings(obj(pod, 'spec'), 'spec')] : [];
}

/** `path` leads from the object to the template. */
export function templateWarnings(...path: readonly string[]): (object: JsonObject, old: JsonObject | undefined) => string[] {
  return (object, old) => {
    const find = (root: JsonObject | undefined): JsonObject | undefined => path.reduce<JsonObject | undefined>((at, key) => obj(at, key), root);
    const now = podSpecWarnings(obj(find(object), 'spec'), `${path.join('.')}.spec`);
    const before = new Set(old === undefined ? [] : podSpecWarnings(obj(find(old), 'spec'), `${path.join('.')}.spec`));
    return now.filter((warning) => !before.has(warning));
  };
}
