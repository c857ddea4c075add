import { utf8 } from '@coxswain/host';
import { entries, get, has, obj, objects, str, strings } from '../validation/access.ts';
import { setOwn } from '../patch/values.ts';
import type { JsonObject } from '../resource.ts';
import type { Strategy } from '../strategy.ts';
import { genericStrategy, keep, metadataOf, resetStatus, builtinResource, type Kind } from './generic.ts';

/** stringData is write-only: it folds into data and is gone. */
function foldStringData(secret: JsonObject): void {
  const text = obj(secret, 'stringData');
  if (text !== undefined) {
    const data = obj(secret, 'data') ?? {};
    for (const [key, value] of entries(text)) setOwn(data, key, utf8(value as string).toBase64());
    secret['data'] = data;
  }
  delete secret['stringData'];
}

export const secretStrategy: Strategy = {
  prepareForCreate(secret) {
    foldStringData(secret);
    if (str(secret, 'type') === '') secret['type'] = 'Opaque';
  },
  prepareForUpdate(secret, old) {
    foldStringData(secret);
    if (str(secret, 'type') === '') keep(secret, old, 'type');
  },
};

export const namespaceStrategy: Strategy = {
  prepareForCreate(namespace) {
    namespace['status'] = { phase: 'Active' };
    const spec = obj(namespace, 'spec') ?? {};
    const finalizers = strings(spec, 'finalizers');
    if (!finalizers.includes('kubernetes')) spec['finalizers'] = [...finalizers, 'kubernetes'];
    namespace['spec'] = spec;
    const labels = obj(metadataOf(namespace), 'labels') ?? {};
    if (str(metadataOf(namespace), 'name') !== '') labels['kubernetes.io/metadata.name'] = str(metadataOf(namespace), 'name');
    metadataOf(namespace)['labels'] = labels;
  },
  prepareForUpdate(namespace, old, context) {
    if (context.subresource === 'finalize') {
      keep(namespace, old, 'status');
      return;
    }
    if (context.subresource === 'status') {
      keep(namespace, old, 'spec');
      return;
    }
    keep(namespace, old, 'status');
    const spec = obj(namespace, 'spec') ?? {};
    keep(spec, obj(old, 'spec') ?? {}, 'finalizers');
    namespace['spec'] = spec;
  },
  nameRule: 'dns1123-label',
};

function dropConfigSource(node: JsonObject): void {
  delete obj(node, 'spec')?.['configSource'];
}

/** A kubelet registers its node with the status that it has. */
export const nodeStrategy: Strategy = {
  prepareForCreate(node) {
    if (get(node, 'status') === undefined) resetStatus(node, builtinResource('', 'nodes'));
    const status = obj(node, 'status');
    // Configuration from the server is gone from Kubernetes; features of nodes are not on yet.
    for (const key of ['config', 'features']) if (status !== undefined) delete status[key];
    dropConfigSource(node);
  },
  prepareForUpdate(node, old, context) {
    if (context.subresource !== 'status') {
      keep(node, old, 'status');
      dropConfigSource(node);
      return;
    }
    keep(node, old, 'spec');
    const status = obj(node, 'status');
    if (status !== undefined) delete status['config'];
  },
};

/** A feature that 1.32 leaves off: what it is about is dropped, unless it is there from a time when it was on. */
function dropAttributesClass(object: JsonObject, old: JsonObject | undefined): void {
  const spec = obj(object, 'spec');
  if (spec !== undefined && get(obj(old, 'spec'), 'volumeAttributesClassName') === undefined) delete spec['volumeAttributesClassName'];
  const status = obj(object, 'status');
  for (const key of ['currentVolumeAttributesClassName', 'modifyVolumeStatus']) {
    if (status !== undefined && get(obj(old, 'status'), key) === undefined) delete status[key];
  }
}

export function persistentVolumeStrategy(kind: Kind): Strategy {
  const generic = genericStrategy(kind);
  return {
    ...generic,
    prepareForCreate(volume, context) {
      dropAttributesClass(volume, undefined);
      generic.prepareForCreate(volume, context);
      volume['status'] = { phase: 'Pending', lastPhaseTransitionTime: context.now };
    },
    prepareForUpdate(volume, old, context) {
      dropAttributesClass(volume, old);
      generic.prepareForUpdate(volume, old, context);
      const status = obj(volume, 'status');
      const before = obj(old, 'status');
      if (context.subresource !== 'status' || status === undefined) return;
      const [given, earlier] = [str(status, 'lastPhaseTransitionTime'), str(before, 'lastPhaseTransitionTime')];
      const moved = str(status, 'phase') !== str(before, 'phase');
      if (moved && (given === '' || given === earlier)) status['lastPhaseTransitionTime'] = context.now;
      else if (!moved && given === '' && earlier !== '') status['lastPhaseTransitionTime'] = earlier;
    },
  };
}

export function persistentVolumeClaimStrategy(kind: Kind): Strategy {
  const generic = genericStrategy(kind);
  return {
    ...generic,
    prepareForCreate(claim, context) {
      dropAttributesClass(claim, undefined);
      generic.prepareForCreate(claim, context);
      claim['status'] = { phase: 'Pending' };
      dropDataSources(claim, undefined);
      copyDataSource(claim);
    },
    prepareForUpdate(claim, old, context) {
      dropAttributesClass(claim, old);
      generic.prepareForUpdate(claim, old, context);
      dropDataSources(claim, old);
      copyDataSource(claim);
    },
  };
}

/** References into other namespaces are not built, and dataSource alone names claims and snapshots only: what else is said there is not kept, unless the claim had a source before. */
function dropDataSources(claim: JsonObject, old: JsonObject | undefined): void {
  const spec = obj(claim, 'spec');
  const before = obj(old, 'spec');
  if (spec === undefined) return;
  if (str(obj(spec, 'dataSourceRef'), 'namespace') !== '' && !has(before, 'dataSourceRef')) delete spec['dataSourceRef'];
  if (has(before, 'dataSource') || has(before, 'dataSourceRef') || has(spec, 'dataSourceRef')) return;
  const source = obj(spec, 'dataSource');
  const [group, kind] = [str(source, 'apiGroup'), str(source, 'kind')];
  if (!((group === '' && kind === 'PersistentVolumeClaim') || (group === 'snapshot.storage.k8s.io' && kind === 'VolumeSnapshot'))) delete spec['dataSource'];
}

/** dataSource and dataSourceRef say the same, where only one is given. */
function copyDataSource(claim: JsonObject): void {
  const spec = obj(claim, 'spec');
  if (spec === undefined) return;
  const source = obj(spec, 'dataSource');
  const reference = obj(spec, 'dataSourceRef');
  if (source !== undefined && reference === undefined) spec['dataSourceRef'] = { ...source };
  else if (reference !== undefined && source === undefined && str(reference, 'namespace') === '') {
    const { namespace: _namespace, ...local } = reference;
    spec['dataSource'] = local;
  }
}

function uuidFrom(letters: string): string {
  const hex = Array.from(letters, (letter) => (letter.charCodeAt(0) % 16).toString(16)).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** The one kind that needs no name from its writer: it gets a UUID. */
export function limitRangeStrategy(kind: Kind): Strategy {
  const generic = genericStrategy(kind);
  return {
    ...generic,
    prepareForCreate(limits, context) {
      generic.prepareForCreate(limits, context);
      if (str(metadataOf(limits), 'name') === '') metadataOf(limits)['name'] = uuidFrom(context.randomSuffix(32));
    },
  };
}

/** Of the secrets of an account only the names are kept. */
function onlyNames(account: JsonObject): void {
  const secrets = objects(account, 'secrets');
  if (secrets.length > 0) account['secrets'] = secrets.map((secret) => ({ name: str(secret, 'name') }));
}

export const serviceAccountStrategy: Strategy = {
  prepareForCreate(account) {
    onlyNames(account);
  },
  prepareForUpdate: onlyNames,
};
