import { append } from '@coxswain/host';
import { metadataProblems } from '../apply/problems.ts';
import { isObject } from '../patch/values.ts';
import type { Json, JsonObject } from '../resource.ts';
import { goShown, scalarProblem } from './scalar-problem.ts';
import { envelopeFields, memberOf, type Structural } from './structural.ts';

class TypeCheck {
  readonly problems: string[] = [];

  /** `free`: unknown fields are preserved, there or in what it is part of. */
  visit(value: Json, schema: Structural | undefined, path: string, free = false): void {
    if (schema === undefined || value === null) return;
    if (schema.type === 'object') this.#object(value, schema, path, free || schema.preserveUnknownFields);
    else if (schema.type === 'array') this.#array(value, schema, path, free || schema.preserveUnknownFields);
    else if (!schema.intOrString) {
      const problem = scalarProblem(value, schema.type);
      if (problem !== undefined) this.problems.push(`${path}: ${problem}`);
    }
  }

  #array(value: Json, schema: Structural, path: string, free: boolean): void {
    if (!Array.isArray(value)) {
      this.problems.push(`${path}: expected list, got &{${goShown(value)}}`);
      return;
    }
    for (const [index, item] of value.entries()) this.visit(item, schema.items, itemPath(item, schema, path, index), free);
  }

  /** What is not declared ends the look at its map, as upstream's walk does. */
  #object(value: Json, schema: Structural, path: string, free: boolean): void {
    if (!isObject(value)) {
      this.problems.push(`${path}: expected map, got &{${goShown(value)}}`);
      return;
    }
    const untold = schema.properties.size === 0 && schema.additional === undefined;
    for (const key of Object.keys(value).toSorted()) {
      if ((path === '' || schema.embeddedResource) && envelopeFields.has(key)) {
        if (key === 'metadata') append(this.problems, metadataProblems(value[key] as Json, `${path}.metadata`));
        continue;
      }
      const member = memberOf(schema, key);
      if (member !== 'undeclared') this.visit(value[key] as Json, member, `${path}.${key}`, free);
      else if (!free && !untold) {
        this.problems.push(`${path}.${key}: field not declared in schema`);
        return;
      }
    }
  }
}

function itemPath(item: Json, schema: Structural, path: string, index: number): string {
  if (schema.listType === 'map' && isObject(item)) return `${path}[${schema.listMapKeys.map((key) => `${key}=${JSON.stringify(item[key] ?? null)}`).join(',')}]`;
  return schema.listType === 'set' ? `${path}[=${JSON.stringify(item)}]` : `${path}[${index}]`;
}

/** Why an applied object does not fit its type, as server-side apply says it. Values are validated later. */
export function typedProblems(object: JsonObject, schema: Structural): string[] {
  const check = new TypeCheck();
  check.visit(object, { ...schema, type: 'object' }, '');
  return check.problems;
}
