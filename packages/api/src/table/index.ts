import columnTexts from '../../data/columns.json' with { type: 'json' };
import type { ApiResource, Json, JsonObject } from '../resource.ts';
import { createdAt, nameOf } from './cells.ts';
import { customCell, type CustomColumn } from './custom.ts';
import { podRowConditions } from './pods.ts';
import { printers, type Printer } from './printers.ts';

export { humanDuration } from './human-duration.ts';
export type { CustomColumn } from './custom.ts';

export interface TableOptions {
  readonly nowMs: number;
  /** The `includeObject` query parameter. */
  readonly includeObject?: 'None' | 'Metadata' | 'Object' | undefined;
  /** `v1` or `v1beta1` of meta.k8s.io. */
  readonly version?: string;
  /** ListMeta of a list, or what the single object's metadata gives. */
  readonly metadata?: JsonObject | undefined;
  /** False for all but the first event of a watch. */
  readonly includeHeaders?: boolean;
  /** For custom resources. */
  readonly columns?: readonly CustomColumn[] | undefined;
}

type Resource = Pick<ApiResource, 'group' | 'kind' | 'resource'>;

const texts: { readonly common: Readonly<Record<string, string>>; readonly kinds: Readonly<Record<string, Readonly<Record<string, string>>>> } = columnTexts;
const plain: Printer = { columns: ['Name', 'Created At:date'], cells: (item) => [nameOf(item), createdAt(item)] };
const ageColumn: CustomColumn = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: texts.common['Age'] ?? '' };
/** Of the scale of a custom resource. */
export const customScaleColumns: readonly CustomColumn[] = [
  { name: 'Desired', type: 'integer', jsonPath: '.spec.replicas', description: 'Number of desired replicas' },
  { name: 'Available', type: 'integer', jsonPath: '.status.replicas', description: 'Number of actual replicas' }, ageColumn,
];

const nameColumns: ReadonlySet<string> = new Set(['Name', 'Attacher']);
/** Kinds whose name upstream does not mark as one. */
const unmarked: ReadonlySet<string> = new Set(['autoscaling/Scale']);

function columnOf(column: string, resource: Resource): JsonObject {
  const wide = column.endsWith('+');
  const [name = '', type = 'string'] = (wide ? column.slice(0, -1) : column).split(':');
  const description = texts.kinds[`${resource.group}/${resource.resource}`]?.[name] ?? texts.common[name] ?? '';
  return { name, type, format: nameColumns.has(name) && !unmarked.has(`${resource.group}/${resource.kind}`) ? 'name' : '', description, priority: wide ? 1 : 0 };
}

function customColumn(column: CustomColumn): JsonObject {
  return { name: column.name, type: column.type, format: column.format ?? '', description: column.description || `Custom resource definition column (in JSONPath format): ${column.jsonPath}`, priority: column.priority ?? 0 };
}

function headers(resource: Resource, printer: Printer, custom: readonly CustomColumn[] | undefined): JsonObject[] {
  if (custom === undefined) return printer.columns.map((column) => columnOf(column, resource));
  return [columnOf('Name', resource), ...custom.map(customColumn)];
}

/** metadata alone, as the kind PartialObjectMetadata. */
function toPartialObjectMetadata(object: JsonObject, version = 'v1'): JsonObject {
  return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${version}`, metadata: object['metadata'] ?? {} };
}

function rowObject(object: JsonObject, include: TableOptions['includeObject'], version: string): Json {
  switch (include) {
    case 'None': return null;
    case 'Object': return object;
    default: return toPartialObjectMetadata(object, version);
  }
}

function metadataOf(objects: readonly JsonObject[]): JsonObject {
  const only = objects.length === 1 ? (objects[0]?.['metadata'] as JsonObject | undefined) : undefined;
  const resourceVersion = only?.['resourceVersion'];
  return resourceVersion === undefined ? {} : { resourceVersion };
}

/** Kinds that upstream has no printer for: Go makes null of no rows. */
const nullRows: ReadonlySet<string> = new Set(['LimitRange', 'Role', 'ClusterRole', 'CSIStorageCapacity', 'CustomResourceDefinition']);

/** Objects as a Table: what kubectl prints. */
export function toTable(resource: Resource, objects: readonly JsonObject[], options: TableOptions): JsonObject {
  const { nowMs, includeObject, version = 'v1', metadata = metadataOf(objects), includeHeaders = true, columns } = options;
  const printer = printers[`${resource.group}/${resource.kind}`] ?? plain;
  const custom = columns?.length === 0 ? [ageColumn] : columns;
  const isPod = resource.group === '' && resource.kind === 'Pod';
  const rows = objects.map((object): JsonObject => {
    const cells = custom === undefined ? [...printer.cells(object, nowMs)] : [nameOf(object), ...custom.map((column) => customCell(column, object, nowMs))];
    const conditions = isPod ? podRowConditions(object) : undefined;
    return { cells, ...(conditions === undefined ? {} : { conditions }), object: rowObject(object, includeObject, version) };
  });
  return { kind: 'Table', apiVersion: `meta.k8s.io/${version}`, metadata, columnDefinitions: includeHeaders ? headers(resource, printer, custom) : null, rows: rows.length === 0 && custom === undefined && nullRows.has(resource.kind) ? null : rows };
}
