import { checkV2, convertV2, keepV2Paths, stringifyAny, type JsonObject, type OpenApiDocument } from '@coxswain/api';
import { utf8, type Host } from '@coxswain/host';
import { describeError } from '../transport/describe-error.ts';
import type { UserInfo } from '../types.ts';
import { sortedByGroup, type ApiService } from './api-service.ts';
import { parseDocument } from './remote-discovery.ts';
import type { Upstream } from './upstream.ts';

/** Asks for documents in the name that upstream asks in. */
const documentUser: UserInfo = { name: 'system:aggregator', uid: '', groups: [], extra: {} };
const timeoutMs = 60_000;
const refreshMs = 60_000;
const longestRetryMs = 3_600_000;

export interface RemoteOpenApiParts {
  readonly host: Pick<Host, 'clock' | 'log' | 'crypto'>;
  readonly upstream: Upstream;
}

interface Kept {
  /** The state of the APIService that was asked last. */
  service: ApiService;
  etag: string;
  /** Only the paths of its group version; undefined: it has none, or was never reached. */
  document: JsonObject | undefined;
  hash: string;
  /** Made when first asked for. */
  converted: Uint8Array | undefined;
  asking: boolean;
  failures: number;
  nextMs: number;
}

/** The OpenAPI 2 documents of other servers. The last one that could be had counts, whatever comes after. */
export class RemoteOpenApi {
  readonly #parts: RemoteOpenApiParts;
  readonly #kept = new Map<string, Kept>();
  #inOrder: readonly JsonObject[] | undefined;

  constructor(parts: RemoteOpenApiParts) {
    this.#parts = parts;
  }

  drop(name: string): void {
    if (this.#kept.delete(name)) this.#inOrder = undefined;
  }

  /** It may be another server that comes back, so nobody waits. */
  away(name: string): void {
    const kept = this.#kept.get(name);
    if (kept !== undefined) Object.assign(kept, { failures: 0, nextMs: 0 });
  }

  /** Asks again if the APIService is another, or a minute has passed; after failures later and later. Never twice at once. */
  async refresh(name: string, service: ApiService): Promise<void> {
    const { clock, log } = this.#parts.host;
    const kept = this.#kept.get(name) ?? { service, etag: '', document: undefined, hash: '', converted: undefined, asking: false, failures: 0, nextMs: 0 };
    const changed = JSON.stringify(kept.service.spec) !== JSON.stringify(service.spec);
    if (kept.asking || (!changed && clock.nowMs() < kept.nextMs)) return;
    this.#kept.set(name, kept);
    if (changed) {
      Object.assign(kept, { etag: '', failures: 0 });
      this.#inOrder = undefined;
    }
    Object.assign(kept, { service, asking: true });
    try {
      kept.nextMs = (await this.#ask(kept)) ? clock.nowMs() + refreshMs : Infinity;
      kept.failures = 0;
    } catch (error) {
      kept.nextMs = clock.nowMs() + Math.min(longestRetryMs, refreshMs * 2 ** kept.failures);
      kept.failures += 1;
      log.debug('The OpenAPI document of an APIService could not be had', { name, error: describeError(error) });
    } finally {
      kept.asking = false;
    }
  }

  /** false: it has no such document. Throws Error. */
  async #ask(kept: Kept): Promise<boolean> {
    const { etag, service } = kept;
    const answer = await this.#parts.upstream.document(service, '/openapi/v2', { accept: 'application/json', ...(etag === '' ? {} : { 'if-none-match': etag }) }, timeoutMs, documentUser);
    if (answer.status === 304 && etag !== '') return true;
    if (answer.status === 404) return false;
    if (answer.status !== 200) throw new Error(`it was answered with ${answer.status}`);
    const { group = '', version = '' } = service.spec ?? {};
    const hash = this.#hash(answer.body);
    if (kept.document !== undefined && kept.hash === hash) return true;
    const document = keepV2Paths(parseDocument(answer.body), (path) => path.startsWith(`/apis/${group}/${version}/`));
    await checkV2(document);
    Object.assign(kept, { document, hash, etag: answer.etag, converted: undefined });
    this.#inOrder = undefined;
    return true;
  }

  #hash(body: Uint8Array): string {
    return this.#parts.host.crypto.hash('sha512', body).toHex().toUpperCase();
  }

  /** Those of the first priority first. The same list as long as nothing changes. */
  get documents(): readonly JsonObject[] {
    if (this.#inOrder !== undefined) return this.#inOrder;
    const byService = new Map([...this.#kept.values()].map(({ service, document }) => [service, document]));
    this.#inOrder = sortedByGroup([...byService.keys()]).flat().map((service) => byService.get(service)).filter((document) => document !== undefined);
    return this.#inOrder;
  }

  /** What stands in for version 3 where a server has only 2. */
  converted(name: string): OpenApiDocument | undefined {
    const kept = this.#kept.get(name);
    if (kept?.document === undefined) return undefined;
    kept.converted ??= utf8(stringifyAny(convertV2(kept.document)));
    return { body: kept.converted, hash: kept.hash };
  }
}
