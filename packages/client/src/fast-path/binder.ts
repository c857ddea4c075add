import { GrpcCutter, grpcContentType, grpcFrame } from '@coxswain/etcd-lite/wire';
import { fromUtf8 } from '@coxswain/host';
import { apiErrorOf } from '../api-error.ts';
import { encodeLeaseTerm, leaseTermHeader, TermEnded, type LeaseTerm } from '../lease-term.ts';
import { resources } from '../resources.ts';
import type { Client } from '../types.ts';
import { fastPathCodecs, fastPathMethods, maxFastPathItems, type FastPathAnswer, type FastPathItem, type FastPathWrite } from './messages.ts';

const maxMessageBytes = 64 * 1024 * 1024;
const itemsACall = Math.min(200, maxFastPathItems);

export interface WriteOptions extends Omit<FastPathWrite, 'items'> {
  readonly headers?: Readonly<Record<string, string>>;
}

/** Undefined: this server has no fast path. Rejects with NetworkError, or with ApiError if the server cannot say at the moment. */
export async function writeItems(client: Client, items: readonly FastPathItem[], { headers = {}, ...how }: WriteOptions = {}): Promise<readonly FastPathAnswer[] | undefined> {
  const response = await client.raw({
    method: 'POST', target: fastPathMethods.write, headers: { ...headers, 'content-type': grpcContentType, te: 'trailers' }, body: grpcFrame(fastPathCodecs.writeRequest.encode({ items, ...how })),
  });
  if (response.status >= 500 || response.status === 429) throw apiErrorOf(response.status, fromUtf8(response.body), undefined);
  if (response.status !== 200) return undefined;
  const cutter = new GrpcCutter(maxMessageBytes);
  cutter.push(response.body);
  const message = cutter.next();
  return message === undefined ? undefined : fastPathCodecs.writeResponse.decode(message).answers;
}

export interface Binding {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly node: string;
}

interface Waiting {
  readonly binding: Binding;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Binds pods over the server's fast path where it has one: what is asked for while a call runs goes together with the next one. Each
 * binding resolves or rejects by itself, with the error that the REST request would have had. `term`: of a leader, whose bindings are refused
 * (`isFenced`) when it has ended: by a server that knows what a term is also those that come late, by others only those that were not sent yet.
 */
export class Binder {
  readonly #client: Client;
  readonly #term: (() => LeaseTerm | undefined) | undefined;
  #waiting: Waiting[] = [];
  #running = false;
  /** undefined: nobody has asked yet. */
  #hasFastPath: boolean | undefined;

  constructor(client: Client, term?: () => LeaseTerm | undefined) {
    this.#client = client;
    this.#term = term;
  }

  #headers(): Readonly<Record<string, string>> {
    if (this.#term === undefined) return {};
    const term = this.#term();
    if (term === undefined) throw new TermEnded();
    return { [leaseTermHeader]: encodeLeaseTerm(term) };
  }

  bind(binding: Binding): Promise<void> {
    if (this.#hasFastPath === false) return this.#single(binding);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ binding, resolve, reject });
      if (!this.#running) void this.#run();
    });
  }

  async #single({ namespace, name, uid, node }: Binding): Promise<void> {
    const body = { apiVersion: 'v1', kind: 'Binding', metadata: { name, namespace, uid }, target: { kind: 'Node', name: node } };
    await this.#client.createSubresource(resources.pods, { namespace, name }, 'binding', body, this.#headers());
  }

  async #run(): Promise<void> {
    this.#running = true;
    try {
      this.#hasFastPath ??= (await writeItems(this.#client, [])) !== undefined;
    } catch {
      // Not to be reached now: the bindings themselves will say so, and the next one asks again.
    }
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, itemsACall);
      if (this.#hasFastPath === true) await this.#together(group);
      else await Promise.all(group.map((one) => this.#single(one.binding).then(one.resolve, one.reject)));
    }
    this.#running = false;
  }

  /** Settles each; never rejects. */
  async #together(group: readonly Waiting[]): Promise<void> {
    try {
      const answers = await writeItems(this.#client, group.map(({ binding: { namespace, name, uid, node } }) => ({ namespace, name, bind: { uid, node } })), { headers: this.#headers(), refusalsOnly: true });
      if (answers?.length !== group.length) throw new Error('the fast path answered something else than was asked');
      group.forEach((one, at) => {
        const answer = answers[at] as FastPathAnswer;
        if (answer.code < 300) one.resolve();
        else one.reject(apiErrorOf(answer.code, fromUtf8(answer.body), undefined));
      });
    } catch (error) {
      for (const one of group) one.reject(error);
    }
  }
}
