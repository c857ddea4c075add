import type { ApiResource, Json, JsonObject } from '../resource.ts';

export type FieldGetter = (object: JsonObject) => Json | undefined;

export interface SelectableFields {
  readonly fields: Readonly<Record<string, FieldGetter>>;
  /** Other names under which a version of the kind knows a field. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** What Kubernetes says of any other field. */
  refusal(field: string, kind: string, groupVersion: string): string;
}

function getPath(object: JsonObject, ...path: readonly string[]): Json | undefined {
  let value: Json | undefined = object;
  for (const key of path) {
    if (value === null || value === undefined || typeof value !== 'object' || Array.isArray(value)) return undefined;
    value = value[key];
  }
  return value;
}

function at(...path: readonly string[]): FieldGetter {
  // Twice for each watcher and change: no list is made of what is there.
  const [first = '', second, ...more] = path;
  if (second === undefined || more.length > 0) return (object) => getPath(object, ...path);
  return (object) => {
    const value = object[first];
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value[second] : undefined;
  };
}

function flag(...path: readonly string[]): FieldGetter {
  return (object) => getPath(object, ...path) === true;
}

const metadata = { 'metadata.name': at('metadata', 'name'), 'metadata.namespace': at('metadata', 'namespace') };

const plain: SelectableFields = {
  fields: metadata,
  refusal: (field) => `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`,
};

function unsupported(field: string): string {
  return `field label not supported: ${field}`;
}

function podIp(object: JsonObject): Json | undefined {
  return getPath(object, 'status', 'podIP');
}

/** Both groups' events are one kind inside: `regarding` is `involvedObject`. */
function involved(key: string): FieldGetter {
  return (object) => getPath(object, 'involvedObject', key) ?? getPath(object, 'regarding', key);
}

const involvedKeys = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'] as const;

const eventFields: Readonly<Record<string, FieldGetter>> = {
  ...metadata,
  ...Object.fromEntries(involvedKeys.map((key) => [`involvedObject.${key}`, involved(key)])),
  reason: at('reason'),
  reportingComponent: (object) => object['reportingComponent'] ?? object['reportingController'],
  source: (object) => getPath(object, 'source', 'component') ?? getPath(object, 'deprecatedSource', 'component') ?? object['reportingComponent'] ?? object['reportingController'],
  type: at('type'),
};

const coreEvents: SelectableFields = { fields: eventFields, refusal: unsupported };
const newEvents: SelectableFields = {
  fields: eventFields, refusal: unsupported,
  aliases: { ...Object.fromEntries(involvedKeys.map((key) => [`regarding.${key}`, `involvedObject.${key}`])), reportingController: 'reportingComponent' },
};

const table: Readonly<Record<string, SelectableFields>> = {
  '/Pod': {
    refusal: unsupported,
    aliases: { 'spec.host': 'spec.nodeName' },
    fields: {
      ...metadata, 'spec.nodeName': at('spec', 'nodeName'), 'spec.restartPolicy': at('spec', 'restartPolicy'), 'spec.schedulerName': at('spec', 'schedulerName'),
      'spec.serviceAccountName': at('spec', 'serviceAccountName'), 'spec.hostNetwork': flag('spec', 'hostNetwork'), 'status.phase': at('status', 'phase'),
      'status.podIP': podIp, 'status.podIPs': podIp, 'status.nominatedNodeName': at('status', 'nominatedNodeName'),
    },
  },
  '/Node': { refusal: unsupported, fields: { 'metadata.name': metadata['metadata.name'], 'spec.unschedulable': flag('spec', 'unschedulable') } },
  '/ReplicationController': { refusal: unsupported, fields: { ...metadata, 'status.replicas': (object) => getPath(object, 'status', 'replicas') ?? 0 } },
  '/Event': coreEvents,
  'events.k8s.io/Event': newEvents,
  '/Namespace': { refusal: unsupported, fields: { 'metadata.name': metadata['metadata.name'], 'status.phase': at('status', 'phase') } },
  '/Secret': { refusal: unsupported, fields: { ...metadata, type: at('type') } },
  '/Service': { refusal: unsupported, fields: { ...metadata, 'spec.clusterIP': at('spec', 'clusterIP'), 'spec.type': at('spec', 'type') } },
  'batch/Job': {
    refusal: (field, kind) => `field label ${JSON.stringify(field)} not supported for ${kind}`,
    fields: { ...metadata, 'status.successful': (object) => getPath(object, 'status', 'succeeded') ?? 0 },
  },
  'resource.k8s.io/ResourceSlice': {
    refusal: (field, kind, groupVersion) => `field label not supported for ${groupVersion}, Kind=${kind}: ${field}`,
    fields: { 'metadata.name': metadata['metadata.name'], 'spec.nodeName': at('spec', 'nodeName'), 'spec.driver': at('spec', 'driver') },
  },
  'certificates.k8s.io/CertificateSigningRequest': { refusal: unsupported, fields: { 'metadata.name': metadata['metadata.name'], 'spec.signerName': at('spec', 'signerName') } },
};

export function selectableFieldsOf(resource: Pick<ApiResource, 'group' | 'kind'>): SelectableFields {
  return table[`${resource.group}/${resource.kind}`] ?? plain;
}

/** For custom resources: `.spec.color` and the like, beside metadata. */
export function customSelectableFields(jsonPaths: readonly string[]): SelectableFields {
  const own = jsonPaths.map((path) => path.replace(/^\./, ''));
  return {
    fields: { ...metadata, ...Object.fromEntries(own.map((path) => [path, at(...path.split('.'))])) },
    refusal: unsupported,
  };
}
