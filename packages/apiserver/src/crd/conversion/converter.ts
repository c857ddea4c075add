import { StatusError, stringifySorted, type Definition, type JsonObject } from '@coxswain/api';
import { utf8, type Host } from '@coxswain/host';
import type { Callouts, WebhookClientConfig } from '../../callouts/types.ts';
import { CalloutError } from '../../callouts/types.ts';
import type { ReadValue, ValueTransformer } from '../../encryption/transformer.ts';
import { isObject, strings, text } from '../../registry/object.ts';
import { readStored } from '../codec.ts';
import type { VersionSchemas } from '../version-schemas.ts';
import { accepted, answeredObjects, reviewOf, spokenVersion, UnusableAnswer } from './review.ts';

const timeoutMs = 30_000;
const maxBatch = 100;

interface Waiting {
  readonly object: JsonObject;
  readonly resolve: (object: JsonObject) => void;
  readonly reject: (error: unknown) => void;
}

function kindText(object: JsonObject): string {
  return `${text(object, 'apiVersion')}, Kind=${text(object, 'kind')}`;
}

/** Asks a definition's webhook. Objects that are to become the same version at the same time go together. */
export class WebhookConverter {
  readonly #definition: Definition;
  readonly #callouts: Callouts;
  readonly #host: Host;
  readonly #waiting = new Map<string, Waiting[]>();

  constructor(definition: Definition, callouts: Callouts, host: Host) {
    this.#definition = definition;
    this.#callouts = callouts;
    this.#host = host;
  }

  /** Rejects with StatusError in upstream's words. */
  convert(object: JsonObject, apiVersion: string): Promise<JsonObject> {
    if (text(object, 'apiVersion') === apiVersion) return Promise.resolve(object);
    return new Promise((resolve, reject) => {
      const batch = this.#waiting.get(apiVersion);
      const waiting: Waiting = { object, resolve, reject };
      if (batch !== undefined && batch.length < maxBatch) {
        batch.push(waiting);
        return;
      }
      const made = [waiting];
      this.#waiting.set(apiVersion, made);
      queueMicrotask(() => {
        if (this.#waiting.get(apiVersion) === made) this.#waiting.delete(apiVersion);
        void this.#send(made, apiVersion);
      });
    });
  }

  async #send(batch: readonly Waiting[], apiVersion: string): Promise<void> {
    try {
      const answered = await this.#ask(batch.map(({ object }) => object), apiVersion);
      for (const [index, { object, resolve, reject }] of batch.entries()) {
        try {
          resolve(accepted(object, answered[index] as JsonObject, apiVersion));
        } catch (error) {
          reject(this.#refusal(object, error));
        }
      }
    } catch (error) {
      for (const { object, reject } of batch) reject(this.#refusal(object, error));
    }
  }

  async #ask(objects: readonly JsonObject[], apiVersion: string): Promise<JsonObject[]> {
    const webhook = this.#definition.conversionWebhook ?? {};
    const version = spokenVersion(strings(webhook, 'conversionReviewVersions'));
    if (version === undefined) throw new StatusError('', 'no supported conversion review versions');
    const uid = this.#host.random.uuid();
    const config = isObject(webhook['clientConfig']) ? webhook['clientConfig'] : {};
    const answer = await this.#callouts.post(config as WebhookClientConfig, reviewOf(version, uid, apiVersion, objects), { timeoutMs, query: { timeout: `${timeoutMs / 1000}s` } });
    return answeredObjects(version, answer, uid, objects.length);
  }

  #refusal(object: JsonObject, error: unknown): unknown {
    if (error instanceof CalloutError) return new StatusError('', `conversion webhook for ${kindText(object)} failed: ${error.message}`);
    if (error instanceof UnusableAnswer) return new StatusError('', `conversion webhook for ${kindText(object)} ${error.message}`);
    return error;
  }
}

/** Between the storage version and the one that is served, by webhook: the hub above it knows only its own version. */
export function conversionTransformer(converter: WebhookConverter, schemas: VersionSchemas, served: string, stored: string): ValueTransformer {
  const converted = async (object: JsonObject, apiVersion: string): Promise<JsonObject> => {
    const result = await converter.convert(object, apiVersion);
    if (result !== object) schemas.coerce(result, { stored: false });
    return result;
  };
  return {
    async fromStorage(data): Promise<ReadValue> {
      const object = readStored(data, schemas);
      const from = text(object, 'apiVersion');
      if (!schemas.has(from.slice(from.indexOf('/') + 1))) throw new StatusError('', `request to convert CR from an invalid group/version: ${from}`);
      return { data: utf8(stringifySorted(await converted(object, served))), stale: from !== stored };
    },
    async toStorage(data): Promise<Uint8Array> {
      return utf8(stringifySorted(await converted(readStored(data, schemas), stored)));
    },
  };
}
