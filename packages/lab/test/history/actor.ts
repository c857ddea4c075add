import type { ClientTls, Host, IncomingResponse } from '@coxswain/host';
import { fromUtf8, NetworkError, readAll, utf8 } from '@coxswain/host';
import { kinds, type Item, type Kind } from './kinds.ts';
import type { State, View } from './model.ts';
import type { Records } from './records.ts';

/** What all clients of one play share. */
export interface Stage {
  readonly servers: readonly string[];
  readonly tls: ClientTls;
  readonly records: Records;
  /** Histories may be compacted while it runs. */
  readonly compacts: boolean;
  /** The newest revision that anybody has been told, and the last ones that were. */
  newest: number;
  readonly seen: number[];
  writes: number;
  /** The storm is over. */
  calm: boolean;
}

export interface Answer {
  readonly status: number;
  readonly json: { readonly metadata?: Item['metadata'] & { readonly continue?: string; readonly remainingItemCount?: number }; readonly items?: readonly Item[]; readonly details?: { readonly uid?: string }; readonly message?: string; readonly reason?: string };
}

export const namespaces = ['default', 'kube-public'] as const;
export const labels = ['x', 'y'] as const;
const timeoutMs = 6000;

/** One client on a machine of its own: asks any server, is patient for a while, never asks twice. */
export class Actor {
  readonly name: string;
  readonly host: Host;
  readonly stage: Stage;

  constructor(name: string, host: Host, stage: Stage) {
    this.name = name;
    this.host = host;
    this.stage = stage;
  }

  chance(of: number): boolean {
    return this.host.random.float() < of;
  }

  below(count: number): number {
    return Math.floor(this.host.random.float() * count);
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }

  view(): View {
    return { namespace: this.pick(['', ...namespaces]), label: this.chance(0.4) ? this.pick(labels) : '' };
  }

  kind(): Kind {
    return this.pick(kinds);
  }

  server(): string {
    return this.pick(this.stage.servers);
  }

  /** Somebody was told it now. */
  told(revision: number): void {
    const { stage } = this;
    if (!Number.isFinite(revision) || revision <= 0) return;
    stage.newest = Math.max(stage.newest, revision);
    stage.seen.push(revision);
    if (stage.seen.length > 40) stage.seen.shift();
  }

  toldStates(states: readonly State[]): readonly State[] {
    for (const { revision } of states) this.stage.newest = Math.max(this.stage.newest, revision);
    return states;
  }

  fetch(server: string, method: string, target: string, options: { readonly body?: object; readonly patch?: boolean; readonly signal: AbortSignal }): Promise<IncomingResponse> {
    const { body } = options;
    const headers = { accept: 'application/json', 'user-agent': this.name, ...(body === undefined ? {} : { 'content-type': options.patch === true ? 'application/merge-patch+json' : 'application/json' }) };
    return this.host.network.fetch({ url: `https://${server}:6443${target}`, method, headers, tls: this.stage.tls, signal: options.signal, ...(body === undefined ? {} : { body: utf8(JSON.stringify(body)) }) });
  }

  /** undefined: not known how it ended. */
  async call(server: string, method: string, target: string, body?: object): Promise<Answer | undefined> {
    const abort = new AbortController();
    const timer = this.host.timers.after(timeoutMs, () => { abort.abort(); });
    try {
      const response = await this.fetch(server, method, target, { signal: abort.signal, patch: method === 'PATCH', ...(body === undefined ? {} : { body }) });
      const text = fromUtf8(await readAll(response.body));
      return this.#counted(method, { status: response.status, json: JSON.parse(text) as Answer['json'] });
    } catch (error) {
      if (!(error instanceof NetworkError)) throw error;
      this.#count(`${method} ${error.kind}`);
      return undefined;
    } finally {
      timer.cancel();
    }
  }

  #counted(method: string, answer: Answer): Answer {
    this.#count(`${method} ${answer.status}${answer.status >= 400 ? ` ${answer.json.reason ?? ''}` : ''}${answer.status === 500 ? ` ${answer.json.message ?? ''}` : ''}`);
    // 404, 409 and 410 are judged where they come; without a quorum, or while a server starts, the rest may be.
    if (answer.status >= 400 && answer.status < 500 && ![403, 404, 409, 410, 429].includes(answer.status)) this.stage.records.faults.push(`${this.name}: ${method} was answered ${answer.status} ${answer.json.message ?? ''}`);
    return answer;
  }

  #count(what: string): void {
    const { answers } = this.stage.records;
    answers.set(what, (answers.get(what) ?? 0) + 1);
  }
}
