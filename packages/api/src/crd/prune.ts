import { isObject } from '../patch/values.ts';
import type { Json, JsonObject } from '../resource.ts';
import { envelopeFields, memberOf, type Structural } from './structural.ts';

/** Paths such as `spec.items[0].extra` of what was taken out, sorted. */
class Pruner {
  readonly gone: string[] = [];

  prune(value: Json, schema: Structural | undefined, path: string): void {
    if (schema?.preserveUnknownFields === true) {
      this.#keepUnknown(value, schema, path);
    } else if (Array.isArray(value)) {
      for (const [index, item] of value.entries()) this.prune(item, schema?.items, `${path}[${index}]`);
    } else if (isObject(value)) {
      for (const key of Object.keys(value)) this.#member(value, key, schema, path);
    }
  }

  #member(object: JsonObject, key: string, schema: Structural | undefined, path: string): void {
    if (schema?.embeddedResource === true && envelopeFields.has(key)) return;
    const below = path === '' ? key : `${path}.${key}`;
    const member = schema === undefined ? 'undeclared' : memberOf(schema, key);
    if (member !== 'undeclared') {
      this.prune(object[key] as Json, member, below);
      return;
    }
    if (schema === undefined || !envelopeFields.has(key) || path !== '') this.gone.push(below);
    delete object[key];
  }

  /** What the schema does not name stays, whole; what it names is pruned as ever. */
  #keepUnknown(value: Json, schema: Structural | undefined, path: string): void {
    if (schema === undefined) return;
    if (Array.isArray(value)) {
      for (const [index, item] of value.entries()) this.#keepUnknown(item, schema.items, `${path}[${index}]`);
    } else if (isObject(value)) {
      for (const key of Object.keys(value)) {
        if (schema.embeddedResource && envelopeFields.has(key)) continue;
        const member = memberOf(schema, key);
        if (member !== 'undeclared') this.prune(value[key] as Json, member, path === '' ? key : `${path}.${key}`);
      }
    }
  }
}

/** Takes out, in place, what the schema does not declare; answers the paths of it, sorted. The root keeps apiVersion, kind and metadata. */
export function pruneUnknown(object: JsonObject, schema: Structural): string[] {
  const pruner = new Pruner();
  pruner.prune(object, { ...schema, embeddedResource: true }, '');
  return pruner.gone.sort();
}

/** The same for a value that is no whole resource. */
export function pruneValue(value: Json, schema: Structural): string[] {
  const pruner = new Pruner();
  pruner.prune(value, schema, '');
  return pruner.gone.sort();
}
