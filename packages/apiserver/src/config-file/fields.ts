import type { Json, JsonObject } from '@coxswain/api';
import { UsageError } from '@coxswain/service';
import { parse } from 'yaml';

function isFields(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * One object of a configuration file. What is asked for must be of its type; what nobody has asked for is unknown, which `done` tells.
 * Every mistake is one UsageError that names the file and the field.
 */
export class Fields {
  readonly #file: string;
  readonly #path: string;
  readonly #value: JsonObject;
  readonly #asked = new Set<string>();

  constructor(file: string, path: string, value: JsonObject) {
    this.#file = file;
    this.#path = path;
    this.#value = value;
  }

  #at(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }

  wrong(name: string, why: string): UsageError {
    const at = name === '' ? this.#path : this.#at(name);
    return new UsageError(`${this.#file}: ${at === '' ? '' : `${at}: `}${why}`);
  }

  has(name: string): boolean {
    return this.#value[name] !== undefined && this.#value[name] !== null;
  }

  raw(name: string): Json | undefined {
    this.#asked.add(name);
    const value = this.#value[name];
    return value === null ? undefined : value;
  }

  #typed<T>(name: string, type: string, is: (value: Json) => value is T & Json): T | undefined {
    const value = this.raw(name);
    if (value !== undefined && !is(value)) throw this.wrong(name, `must be ${type}`);
    return value;
  }

  text(name: string, given = ''): string {
    return this.#typed(name, 'a string', (value) => typeof value === 'string') ?? given;
  }

  required(name: string): string {
    const value = this.text(name);
    if (value === '') throw this.wrong(name, 'Required value');
    return value;
  }

  bool(name: string): boolean | undefined {
    return this.#typed(name, 'true or false', (value) => typeof value === 'boolean');
  }

  number(name: string): number | undefined {
    return this.#typed(name, 'a number', (value) => typeof value === 'number');
  }

  texts(name: string): readonly string[] {
    const value = this.#typed(name, 'a list of strings', (list): list is string[] => Array.isArray(list) && list.every((item) => typeof item === 'string'));
    return value ?? [];
  }

  child(name: string): Fields | undefined {
    const value = this.#typed(name, 'an object', isFields);
    return value === undefined ? undefined : new Fields(this.#file, this.#at(name), value);
  }

  children(name: string): readonly Fields[] {
    const value = this.raw(name);
    if (value === undefined) return [];
    if (!Array.isArray(value)) throw this.wrong(name, 'must be a list');
    return value.map((item, index) => {
      if (!isFields(item)) throw this.wrong(`${name}[${index}]`, 'must be an object');
      return new Fields(this.#file, this.#at(`${name}[${index}]`), item);
    });
  }

  /** Refuses what was not asked for. */
  done(): void {
    const unknown = Object.keys(this.#value).find((name) => !this.#asked.has(name));
    if (unknown !== undefined) throw this.wrong(unknown, 'unknown field');
  }
}

/** A file in the original's format, of that kind and one of those versions. */
export function readConfigFile(file: string, text: string, expected: { readonly kind: string; readonly apiVersions: readonly string[] }): Fields {
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw new UsageError(`${file}: ${(error instanceof Error ? error.message : String(error)).split('\n')[0] ?? ''}`);
  }
  if (!isFields(value)) throw new UsageError(`${file}: must be an object of kind ${expected.kind}`);
  const fields = new Fields(file, '', value);
  if (fields.text('kind') !== expected.kind) throw fields.wrong('kind', `must be ${expected.kind}`);
  if (!expected.apiVersions.includes(fields.text('apiVersion'))) throw fields.wrong('apiVersion', `must be ${expected.apiVersions.join(' or ')}`);
  return fields;
}
