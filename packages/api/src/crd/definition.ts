import type { ApiResource, JsonObject } from '../resource.ts';
import { bool, obj, objects, str, strings } from '../validation/access.ts';
import type { CustomColumn } from '../table/index.ts';

export interface CustomNames {
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly listKind: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
}

export interface CustomScale {
  readonly specReplicasPath: string;
  readonly statusReplicasPath: string;
  /** '' if there is none. */
  readonly labelSelectorPath: string;
}

export interface CustomVersion {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly deprecated: boolean;
  readonly deprecationWarning: string;
  /** Absent only in definitions that older servers took. */
  readonly schema: JsonObject | undefined;
  readonly hasStatus: boolean;
  readonly scale: CustomScale | undefined;
  readonly columns: readonly CustomColumn[];
  readonly selectablePaths: readonly string[];
}

/** A CustomResourceDefinition as the server reads it. */
export interface Definition {
  readonly name: string;
  readonly uid: string;
  readonly group: string;
  readonly namespaced: boolean;
  readonly wantedNames: CustomNames;
  readonly acceptedNames: CustomNames;
  readonly versions: readonly CustomVersion[];
  readonly storageVersion: string;
  readonly preserveUnknownFields: boolean;
  /** `spec.conversion.webhook`, if that is how versions are converted. */
  readonly conversionWebhook: JsonObject | undefined;
  readonly deleting: boolean;
  readonly object: JsonObject;
}

function namesOf(names: JsonObject | undefined): CustomNames {
  return {
    plural: str(names, 'plural'), singular: str(names, 'singular'), kind: str(names, 'kind'), listKind: str(names, 'listKind'),
    shortNames: strings(names, 'shortNames'), categories: strings(names, 'categories'),
  };
}

function columnOf(column: JsonObject): CustomColumn {
  const priority = column['priority'];
  return {
    name: str(column, 'name'), type: str(column, 'type'), format: str(column, 'format'), description: str(column, 'description'),
    priority: typeof priority === 'number' ? priority : 0, jsonPath: str(column, 'jsonPath'),
  };
}

function versionOf(version: JsonObject): CustomVersion {
  const subresources = obj(version, 'subresources');
  const scale = obj(subresources, 'scale');
  return {
    name: str(version, 'name'), served: bool(version, 'served'), storage: bool(version, 'storage'), deprecated: bool(version, 'deprecated'),
    deprecationWarning: str(version, 'deprecationWarning'), schema: obj(obj(version, 'schema'), 'openAPIV3Schema'), hasStatus: obj(subresources, 'status') !== undefined,
    scale: scale === undefined ? undefined : {
      specReplicasPath: str(scale, 'specReplicasPath'), statusReplicasPath: str(scale, 'statusReplicasPath'), labelSelectorPath: str(scale, 'labelSelectorPath'),
    },
    columns: objects(version, 'additionalPrinterColumns').map(columnOf),
    selectablePaths: objects(version, 'selectableFields').map((field) => str(field, 'jsonPath')),
  };
}

export function definitionOf(object: JsonObject): Definition {
  const spec = obj(object, 'spec');
  const metadata = obj(object, 'metadata');
  const versions = objects(spec, 'versions').map(versionOf);
  const conversion = obj(spec, 'conversion');
  return {
    name: str(metadata, 'name'), uid: str(metadata, 'uid'), group: str(spec, 'group'), namespaced: str(spec, 'scope') === 'Namespaced',
    wantedNames: namesOf(obj(spec, 'names')), acceptedNames: namesOf(obj(obj(object, 'status'), 'acceptedNames')), versions,
    storageVersion: versions.find((version) => version.storage)?.name ?? '', preserveUnknownFields: bool(spec, 'preserveUnknownFields'),
    conversionWebhook: str(conversion, 'strategy') === 'Webhook' ? obj(conversion, 'webhook') ?? {} : undefined,
    deleting: str(metadata, 'deletionTimestamp') !== '', object,
  };
}

export function conditionOf(object: JsonObject, type: string): JsonObject | undefined {
  return objects(obj(object, 'status'), 'conditions').find((condition) => str(condition, 'type') === type);
}

export function isConditionTrue(object: JsonObject, type: string): boolean {
  return str(conditionOf(object, type), 'status') === 'True';
}

/** As discovery shows them; scale is a kind of another group. */
function subresourcesOf(definition: Definition, version: CustomVersion): ApiResource['subresources'] {
  const verbs = ['get', 'patch', 'update'];
  return [
    ...(version.hasStatus ? [{ name: 'status', group: definition.group, version: version.name, kind: definition.acceptedNames.kind, verbs }] : []),
    ...(version.scale === undefined ? [] : [{ name: 'scale', group: 'autoscaling', version: 'v1', kind: 'Scale', verbs }]),
  ];
}

const liveVerbs = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];
/** Of a definition that is being deleted: nothing new. */
const endingVerbs = ['delete', 'deletecollection', 'get', 'list', 'watch'];

/** Key of a custom type: `com.example.stable.v1.CronTab`. */
function customTypeName(group: string, version: string, kind: string): string {
  return `${group.split('.').toReversed().join('.')}.${version}.${kind}`;
}

/** What a version of a definition is to discovery and to clients, by its accepted names. */
export function customResource(definition: Definition, version: CustomVersion, storageVersionHash: string): ApiResource {
  const { group, acceptedNames: names } = definition;
  return {
    group, version: version.name, resource: names.plural, singular: names.singular, kind: names.kind, listKind: names.listKind, namespaced: definition.namespaced,
    verbs: isConditionTrue(definition.object, 'Terminating') ? endingVerbs : liveVerbs, shortNames: names.shortNames, categories: names.categories,
    subresources: subresourcesOf(definition, version), typeName: customTypeName(group, version.name, names.kind), custom: true, storageVersionHash,
  };
}

/** `v1` before `v1beta2` before `v1alpha1`, then all others by name: the order in which clients prefer versions. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [rankOf(a), rankOf(b)];
  if (left === undefined || right === undefined) return left === right ? (a < b ? -1 : a > b ? 1 : 0) : left === undefined ? 1 : -1;
  for (const [index, value] of left.entries()) {
    const difference = (right[index] as number) - value;
    if (difference !== 0) return difference;
  }
  return 0;
}

const stages: Readonly<Record<string, number>> = { alpha: 0, beta: 1, '': 2 };

function rankOf(version: string): readonly number[] | undefined {
  const match = /^v([1-9][0-9]*)(?:(alpha|beta)([1-9][0-9]*))?$/.exec(version);
  if (match === null) return undefined;
  return [stages[match[2] ?? ''] as number, Number(match[1]), Number(match[3] ?? 0)];
}

