import { stringifyAny } from '../json/any.ts';
import { builtinResources, knownResources, optionalResources } from '../description/resources.ts';
import type { JsonObject } from '../resource.ts';
import { mergeV2 } from './merge-v2.ts';
import { customOperations } from './custom-operations.ts';
import { builtinOperations } from './operations.ts';
import type { CustomSchema, FieldTexts, Operation } from './types.ts';
import { buildV2 } from './v2.ts';
import { buildV3, documentOf } from './v3.ts';

export { convertV2 } from './convert-v2.ts';
export { keepV2Paths } from './merge-v2.ts';
export type { CustomSchema, FieldTexts } from './types.ts';

export interface OpenApiOptions {
  /** As in /version: `v1.32.0`. */
  readonly serverVersion: string;
  /** Upper-case hex of a hash of the bytes; names the content for clients that cache. */
  hash(data: Uint8Array): string;
  readonly texts?: FieldTexts;
  /** Built-in versions that have documents. Absent: those of a default server. */
  readonly isServed?: ((group: string, version: string) => boolean) | undefined;
}

const optional = new Set(optionalResources.map(({ group, version }) => `${group}/${version}`));
const onlyOptional = new Set(optionalResources.map(({ group }) => group).filter((group) => !builtinResources.some((one) => one.group === group)));

/** Whether what is asked there is of a version that is served. */
function isServedPath(path: string, isServed: OpenApiOptions['isServed']): boolean {
  const [prefix, first = '', second = ''] = path.split('/').slice(1);
  if (prefix === 'api') return first === '' || isServed?.('', first) !== false;
  if (prefix !== 'apis' || first === '') return true;
  if (second === '') return !onlyOptional.has(first) || (isServed !== undefined && knownResources.some(({ group, version }) => group === first && isServed(group, version)));
  return isServed === undefined ? !optional.has(`${first}/${second}`) : isServed(first, second);
}

/** Throws if a document of version 2 is not of its form, so that one server's mistake does not spoil the document of all. */
export async function checkV2(document: JsonObject): Promise<void> {
  const { encodeV2Protobuf } = await import('./v2-protobuf.ts');
  encodeV2Protobuf(document);
}

export interface OpenApiDocument {
  readonly body: Uint8Array;
  readonly hash: string;
}

/** Media type of the protobuf form of OpenAPI 2; the short name is what kubectl asks for. */
export const openApiV2ProtobufType = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
export const openApiV2ProtobufAccepted: readonly string[] = ['application/com.github.proto-openapi.spec.v2@v1.0+protobuf', openApiV2ProtobufType];

/**
 * The OpenAPI documents of a server. Each is built when first asked for and kept until custom resources change.
 */
export class OpenApi {
  readonly #options: OpenApiOptions;
  readonly #documents = new Map<string, Promise<OpenApiDocument | undefined>>();
  #custom: readonly CustomSchema[] = [];
  #others: readonly JsonObject[] = [];
  #operations: Promise<Operation[]> | undefined;

  constructor(options: OpenApiOptions) {
    this.#options = options;
  }

  /** Replaces all custom resources. Documents of group versions in which none is another than before stay, with their hashes. */
  setCustom(custom: readonly CustomSchema[]): void {
    const documentsOf = (entries: readonly CustomSchema[]): Map<string, CustomSchema[]> => Map.groupBy(entries, ({ resource }) => `apis/${resource.group}/${resource.version}`);
    const [before, after] = [documentsOf(this.#custom), documentsOf(custom)];
    const changed = [...new Set([...before.keys(), ...after.keys()])].filter((name) => {
      const [old, now] = [before.get(name) ?? [], after.get(name) ?? []];
      return old.length !== now.length || now.some((entry) => !old.includes(entry));
    });
    this.#custom = custom;
    if (changed.length === 0) return;
    for (const name of changed) this.#documents.delete(`v3/${name}`);
    this.#forgetV2();
    this.#operations = undefined;
  }

  /** Documents of version 2 by other servers, those that count most first. The same objects as long as nothing of them changes. */
  setOthers(documents: readonly JsonObject[]): void {
    if (documents.length === this.#others.length && documents.every((document, index) => document === this.#others[index])) return;
    this.#others = documents;
    this.#forgetV2();
  }

  #forgetV2(): void {
    for (const key of ['v2/json', 'v2/protobuf']) this.#documents.delete(key);
  }

  #allOperations(): Promise<Operation[]> {
    this.#operations ??= builtinOperations().then((builtin) => [...builtin.filter(({ path }) => isServedPath(path, this.#options.isServed)), ...this.#custom.flatMap((entry) => customOperations(entry.resource))]);
    return this.#operations;
  }

  #kept(key: string, make: () => Promise<Uint8Array | undefined>): Promise<OpenApiDocument | undefined> {
    let document = this.#documents.get(key);
    if (document === undefined) {
      document = make().then((body) => (body === undefined ? undefined : { body, hash: this.#options.hash(body) }));
      this.#documents.set(key, document);
    }
    return document;
  }

  /** `/openapi/v3/NAME`: `api/v1`, `apis/apps/v1`, … Undefined if there is none. */
  v3(name: string): Promise<OpenApiDocument | undefined> {
    return this.#kept(`v3/${name}`, async () => {
      const operations = (await this.#allOperations()).filter((operation) => documentOf(operation.path) === name);
      if (operations.length === 0) return undefined;
      const custom = this.#custom.filter(({ resource }) => `apis/${resource.group}/${resource.version}` === name);
      return bytes(buildV3(this.#options.serverVersion, operations, custom, this.#options.texts));
    });
  }

  /** `/openapi/v3`: where the documents are, with their hashes, so all of them are built. */
  async v3Index(): Promise<JsonObject> {
    const names = [...new Set((await this.#allOperations()).map((operation) => documentOf(operation.path)))].sort();
    const paths: JsonObject = {};
    for (const name of names) {
      const document = await this.v3(name);
      paths[name] = { serverRelativeURL: `/openapi/v3/${name}?hash=${document?.hash ?? ''}` };
    }
    return { paths };
  }

  async #v2Document(): Promise<JsonObject> {
    return mergeV2(buildV2(this.#options.serverVersion, await this.#allOperations(), this.#custom, this.#options.texts), this.#others);
  }

  /** `/openapi/v2` as JSON. */
  async v2Json(): Promise<OpenApiDocument> {
    return (await this.#kept('v2/json', async () => bytes(await this.#v2Document()))) as OpenApiDocument;
  }

  /** `/openapi/v2` as protobuf. */
  async v2Protobuf(): Promise<OpenApiDocument> {
    return (await this.#kept('v2/protobuf', async () => {
      const { encodeV2Protobuf } = await import('./v2-protobuf.ts');
      return encodeV2Protobuf(await this.#v2Document());
    })) as OpenApiDocument;
  }
}

function bytes(document: JsonObject): Uint8Array {
  return new TextEncoder().encode(stringifyAny(document));
}
