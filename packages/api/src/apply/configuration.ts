import { append } from '@coxswain/host';
import { goValue } from '../crd/go-value.ts';
import type { ApiDescription, FieldDescription, FieldShape } from '../description.ts';
import { isObject, own } from '../patch/values.ts';
import type { Json, JsonObject } from '../resource.ts';
import { StatusError } from '../status-error.ts';
import { mergeStructural } from './merge.ts';
import { pathText } from './path-element.ts';
import { elementOf, structureOf, type Place } from './schema.ts';

/** Where a type is described. */
export interface TypeOf {
  readonly description: ApiDescription;
  readonly typeName: string;
}

/** A value that does not fit its type; the texts are those of upstream's typed values. */
function goKind(value: Json): string {
  if (value === null) return 'structpb.NullValue';
  if (Array.isArray(value)) return '[]interface {}';
  if (isObject(value)) return 'map[string]interface {}';
  if (typeof value === 'boolean') return 'bool';
  return typeof value === 'string' ? 'string' : typeof value === 'number' && !Number.isInteger(value) ? 'float64' : 'int64';
}

function goText(value: Json): string {
  if (value === null) return 'NULL_VALUE';
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`;
  if (isObject(value)) return `map[${Object.keys(value).toSorted().map((key) => `${key}:${goText(value[key] as Json)}`).join(' ')}]`;
  return String(value);
}

const isNumber = (value: Json): boolean => typeof value === 'number' || typeof value === 'bigint';
const isScalar = (value: Json): boolean => isNumber(value) || typeof value === 'string' || typeof value === 'boolean';

type ScalarKind = Exclude<FieldShape['kind'], 'object' | 'list' | 'map' | 'any' | 'deduced'>;

function scalarProblem(value: Json, kind: ScalarKind): string | undefined {
  switch (kind) {
    case 'boolean': return typeof value === 'boolean' ? undefined : `expected boolean, got &{${goText(value)}}`;
    case 'integer': case 'number': return isNumber(value) ? undefined : `expected numeric (int or float), got ${goKind(value)}`;
    case 'quantity': case 'int-or-string': return isScalar(value) ? undefined : `expected any scalar, got &{${goText(value)}}`;
    case 'string': case 'bytes': case 'time': case 'micro-time': case 'duration':
      return typeof value === 'string' ? undefined : `expected string, got &value.valueUnstructured{Value:${value === null ? '0' : goValue(value)}}`;
  }
}

/** Why a value does not fit; of what is not declared in an object only the first is told. */
function problemsOf(value: Json, place: Place, path: string): readonly string[] {
  const { shape } = place;
  switch (shape.kind) {
    case 'any': case 'deduced': return [];
    case 'object': case 'map': return isObject(value) ? mapProblems(value, place, path) : [`${path}: expected map, got &{${goText(value)}}`];
    case 'list': return Array.isArray(value) ? listProblems(value, place, shape, path) : [`${path}: expected list, got &{${goText(value)}}`];
    default: {
      const problem = scalarProblem(value, shape.kind);
      return problem === undefined ? [] : [`${path}: ${problem}`];
    }
  }
}

/** What is declared of a member, atomic or not; undefined: nothing. */
function memberPlace({ description, shape }: Place, key: string): Place | undefined {
  if (shape.kind === 'map') return { description, shape: shape.of };
  if (shape.kind !== 'object') return undefined;
  const type = description.type(shape.type);
  const field: FieldDescription | undefined = type.fields.get(key);
  if (field !== undefined) return { description, shape: field.shape, field };
  return type.others === undefined ? undefined : { description, shape: type.others };
}

function mapProblems(value: JsonObject, place: Place, path: string): readonly string[] {
  const problems: string[] = [];
  for (const [key, item] of Object.entries(value)) {
    const member = memberPlace(place, key);
    if (member === undefined) return [...problems, `${path}.${key}: field not declared in schema`];
    append(problems, problemsOf(item, member, `${path}.${key}`));
  }
  return problems;
}

function listProblems(value: readonly Json[], place: Place, shape: FieldShape & { readonly kind: 'list' }, path: string): readonly string[] {
  const structure = structureOf(place);
  const seen = new Set<string>();
  const problems: string[] = [];
  for (const [index, item] of value.entries()) {
    let name = `[${index}]`;
    if (structure.kind === 'keyed' || structure.kind === 'set') {
      try {
        name = pathText([elementOf(item, structure, [], index)]);
      } catch (error) {
        if (!(error instanceof StatusError)) throw error;
        return [...problems, `${path}${error.message}`];
      }
      if (seen.has(name)) problems.push(`${path}: duplicate entries for key ${name}`);
      seen.add(name);
    }
    append(problems, problemsOf(item, { description: place.description, shape: shape.of }, `${path}${name}`));
  }
  return problems;
}

/** Where it would replace a list, map or object as a whole, and so drop what it does not name. */
function atomicPaths(value: Json, place: Place, path: string): readonly string[] {
  const { shape, field, description } = place;
  const self = (atomic: boolean): readonly string[] => (atomic ? [path] : []);
  if (isObject(value)) {
    if (shape.kind === 'any') return [path];
    if (shape.kind === 'map') return self((field?.mapType ?? shape.mapType) === 'atomic');
    if (shape.kind !== 'object') return [];
    const type = description.type(shape.type);
    const below = Object.entries(value).flatMap(([key, item]) => {
      const declared = type.fields.get(key);
      return declared === undefined ? [] : atomicPaths(item, { description, shape: declared.shape, field: declared }, `${path}.${key}`);
    });
    return [...self((field?.mapType ?? type.mapType) === 'atomic'), ...below];
  }
  if (!Array.isArray(value)) return [];
  if (shape.kind === 'any' || shape.kind === 'deduced') return [path];
  if (shape.kind !== 'list') return [];
  const listType = field?.listType ?? shape.listType;
  return [...self(listType !== 'set' && listType !== 'map'), ...value.flatMap((item, index) => atomicPaths(item, { description, shape: shape.of }, `${path}[${index}]`))];
}

const joined = (problems: readonly string[]): string => (problems.length === 1 ? problems[0] as string : ['errors:', ...problems.map((problem) => `  ${problem}`)].join('\n'));

/**
 * `live` with what `configuration` says of it, by the structure of the type and without regard to who owns a field: what a mutating
 * admission policy does. Neither is changed. A string says why it cannot be done, in upstream's words.
 */
export function mergeConfiguration({ description, typeName }: TypeOf, live: JsonObject, configuration: JsonObject): JsonObject | string {
  const place: Place = { description, shape: { kind: 'object', type: typeName } };
  const named: JsonObject = { ...configuration, ...envelopeOf(live) };
  const problems = problemsOf(named, place, '');
  if (problems.length > 0) return `failed to convert patch object to typed object: ${joined(problems)}`;
  const atomic = atomicPaths(named, place, '');
  if (atomic.length > 0) return `invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: ${atomic.join(', ')}`;
  return mergeStructural(live, named, place) as JsonObject;
}

function envelopeOf(live: JsonObject): JsonObject {
  const [apiVersion, kind] = [own(live, 'apiVersion'), own(live, 'kind')];
  return { ...(apiVersion === undefined ? {} : { apiVersion }), ...(kind === undefined ? {} : { kind }) };
}
