import type { FieldDescription } from '../description.ts';
import { apiDescription } from '../description/builtin.ts';
import { isObject, own } from '../patch/values.ts';
import type { Json, JsonObject } from '../resource.ts';
import { goShown, scalarProblem } from '../crd/scalar-problem.ts';
import { pathText, type PathElement } from './path-element.ts';
import { elementOf, structureOf, type Place } from './schema.ts';

/** Objects whose fields their descriptions do not tell: raw extensions and the like. */
function fieldsOf(place: Place): ReadonlyMap<string, FieldDescription> | undefined {
  const { shape, description } = place;
  if (shape.kind !== 'object' || !description.hasType(shape.type)) return undefined;
  const type = description.type(shape.type);
  return type.others === undefined && type.fields.size > 0 ? type.fields : undefined;
}

/** Said at once; upstream says all of them. */
const mostProblems = 100;

class TypeCheck {
  readonly problems: string[] = [];

  visit(value: Json, place: Place, path: string): void {
    if (value === null || this.problems.length >= mostProblems) return;
    switch (place.shape.kind) {
      case 'object': case 'map': return this.#map(value, place, path);
      case 'list': return this.#list(value, place, path);
      case 'string': case 'bytes': case 'time': case 'micro-time': case 'duration': return this.#scalar(value, 'string', path);
      case 'boolean': case 'integer': case 'number': return this.#scalar(value, place.shape.kind, path);
      case 'quantity': case 'int-or-string': case 'any': case 'deduced':
    }
  }

  #scalar(value: Json, type: string, path: string): void {
    const problem = scalarProblem(value, type);
    if (problem !== undefined) this.problems.push(`${path}: ${problem}`);
  }

  /** What is not declared ends the look at its map, as upstream's walk does. */
  #map(value: Json, place: Place, path: string): void {
    const fields = fieldsOf(place);
    if (place.shape.kind === 'object' && fields === undefined) return;
    if (!isObject(value)) {
      this.problems.push(`${path}: expected map, got &{${goShown(value)}}`);
      return;
    }
    for (const key of Object.keys(value)) {
      if (fields?.has(key) === false) {
        this.problems.push(`${path}.${key}: field not declared in schema`);
        return;
      }
      const field = fields?.get(key);
      const shape = place.shape.kind === 'map' ? place.shape.of : field?.shape;
      if (shape !== undefined) this.visit(value[key] as Json, { description: place.description, shape, ...(field === undefined ? {} : { field }) }, `${path}.${key}`);
    }
  }

  #list(value: Json, place: Place, path: string): void {
    if (place.shape.kind !== 'list') return;
    if (!Array.isArray(value)) {
      this.problems.push(`${path}: expected list, got &{${goShown(value)}}`);
      return;
    }
    const item: Place = { description: place.description, shape: place.shape.of };
    const structure = structureOf(place, value);
    const seen = new Set<PathElement>();
    for (const [index, one] of value.entries()) {
      if (structure.kind !== 'keyed' && structure.kind !== 'set') {
        this.visit(one, item, `${path}[${index}]`);
        continue;
      }
      // What has no key is told by the merge.
      if (structure.kind === 'keyed' && !isObject(one)) return;
      const element = elementOf(one, structure, [], index);
      if (seen.has(element)) this.problems.push(`${path}: duplicate entries for key ${pathText([element])}`);
      seen.add(element);
      this.visit(one, item, `${path}${pathText([element])}`);
    }
  }
}

/** The same of the metadata of an object of one's own, or of one that is part of it. */
export function metadataProblems(metadata: Json, path: string): readonly string[] {
  const check = new TypeCheck();
  check.visit(metadata, { description: apiDescription, shape: { kind: 'object', type: 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' } }, path);
  return check.problems;
}

/** Why an applied object of a built-in kind does not fit its type, in upstream's words; undefined: it does. */
export function applyProblem(typeName: string, object: JsonObject, apiVersion: string, kind: string): string | undefined {
  const check = new TypeCheck();
  check.visit(object, { description: apiDescription, shape: { kind: 'object', type: typeName } }, '');
  const { problems } = check;
  if (problems.length === 0) return undefined;
  const metadata = own(object, 'metadata');
  const part = (key: string): string => {
    const value = isObject(metadata) ? own(metadata, key) : undefined;
    return typeof value === 'string' ? value : '';
  };
  const version = apiVersion.includes('/') ? apiVersion : `/${apiVersion}`;
  const shown = problems.length === 1 ? problems[0] as string : `errors:\n${problems.map((problem) => `  ${problem}`).join('\n')}`;
  return `failed to create typed patch object (${part('namespace')}/${part('name')}; ${version}, Kind=${kind}): ${shown}`;
}
