import type { Json, JsonObject } from '../resource.ts';
import { badRequest, StatusError } from '../status-error.ts';
import { cloneJson, equalJson, isObject, own, setOwn } from './values.ts';

const maxOperations = 10_000;
/** Copies may double a document again and again; the sum of what they copy is bounded. */
const maxCopiedBytes = 3 * 1024 * 1024;

/** The server tells nobody why an operation does not apply. */
function rejected(): StatusError {
  return new StatusError('Invalid', 'the server rejected our request due to an error in our request', {});
}

function parsePointer(path: string): string[] {
  // Upstream's library takes whatever stands before the first slash for nothing.
  const parts = path.split('/');
  if (parts.length < 2) throw rejected();
  return parts.slice(1).map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** Upstream's library also counts from the end with negative numbers. */
function indexIn(key: string, length: number, limit: number): number {
  if (!/^[+-]?[0-9]+$/.test(key)) throw rejected();
  const asked = Number(key);
  const index = asked < 0 ? asked + length : asked;
  if (index < 0 || index >= limit) throw rejected();
  return index;
}

function child(container: Json, key: string): Json | undefined {
  if (Array.isArray(container)) return container[indexIn(key, container.length, container.length)];
  return isObject(container) ? own(container, key) : undefined;
}

class Document {
  root: Json;
  #copiedBytes = 0;

  constructor(root: Json) {
    this.root = root;
  }

  #parent(path: string): { readonly container: JsonObject | Json[]; readonly key: string } {
    const parts = parsePointer(path);
    let at: Json | undefined = this.root;
    for (const part of parts.slice(0, -1)) {
      if (at === undefined || at === null) throw rejected();
      at = child(at, part);
    }
    if (!Array.isArray(at) && !isObject(at)) throw rejected();
    return { container: at, key: parts.at(-1) as string };
  }

  get(path: string): Json | undefined {
    if (path === '') return this.root;
    const { container, key } = this.#parent(path);
    return child(container, key);
  }

  add(path: string, value: Json): void {
    const { container, key } = this.#parent(path);
    if (!Array.isArray(container)) setOwn(container, key, value);
    else if (key === '-') container.push(value);
    else container.splice(indexIn(key, container.length + 1, container.length + 1), 0, value);
  }

  remove(path: string): void {
    const { container, key } = this.#parent(path);
    if (Array.isArray(container)) container.splice(indexIn(key, container.length, container.length), 1);
    else if (Object.hasOwn(container, key)) delete container[key];
    else throw rejected();
  }

  replace(path: string, value: Json): void {
    if (path === '') {
      if (!isObject(value) && !Array.isArray(value)) throw rejected();
      this.root = value;
      return;
    }
    const { container, key } = this.#parent(path);
    if (Array.isArray(container)) container[indexIn(key, container.length, container.length)] = value;
    // Upstream's library does not mind if there was nothing.
    else setOwn(container, key, value);
  }

  move(from: string, path: string): void {
    const value = this.get(from);
    if (value === undefined) throw rejected();
    this.remove(from);
    this.add(path, value);
  }

  copy(from: string, path: string): void {
    // What is not there is copied as null.
    const value = this.get(from) ?? null;
    this.#copiedBytes += sizeOf(value);
    if (this.#copiedBytes > maxCopiedBytes) throw rejected();
    this.add(path, cloneJson(value));
  }

  /** A missing value equals null. */
  test(path: string, value: Json): void {
    if (!equalJson(this.get(path) ?? null, value)) throw rejected();
  }
}

/** Of its JSON, about. */
function sizeOf(value: Json): number {
  if (typeof value === 'string') return value.length + 2;
  if (value === null || typeof value !== 'object') return typeof value === 'number' ? 8 : 4;
  let size = 2;
  if (Array.isArray(value)) for (const item of value) size += sizeOf(item) + 1;
  else for (const key of Object.keys(value)) size += key.length + sizeOf(value[key] as Json) + 4;
  return size;
}

function text(operation: JsonObject, key: string): string {
  const value = own(operation, key);
  if (typeof value !== 'string') throw rejected();
  return value;
}

function value(operation: JsonObject): Json {
  return cloneJson(own(operation, 'value') ?? null);
}

function perform(document: Document, operation: JsonObject): void {
  const path = text(operation, 'path');
  switch (text(operation, 'op')) {
    case 'add': return document.add(path, value(operation));
    case 'remove': return document.remove(path);
    case 'replace': return document.replace(path, value(operation));
    case 'move': return document.move(text(operation, 'from'), path);
    case 'copy': return document.copy(text(operation, 'from'), path);
    case 'test': return document.test(path, value(operation));
    default: throw rejected();
  }
}

/** RFC 6902. Neither argument is changed. Throws StatusError 400 for what is no patch and 422 for one that does not apply. */
export function applyJsonPatch(document: Json, patch: Json): Json {
  if (!Array.isArray(patch)) throw badRequest('error decoding patch: a JSON patch must be a list of operations');
  if (patch.length > maxOperations) {
    throw new StatusError('RequestEntityTooLarge', `Request entity too large: The allowed maximum operations in a JSON patch is ${maxOperations}, got ${patch.length}`);
  }
  const target = new Document(cloneJson(document));
  for (const operation of patch) {
    if (!isObject(operation)) throw rejected();
    perform(target, operation);
  }
  return target.root;
}
