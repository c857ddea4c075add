import type { Client } from '@coxswain/client';
import type { Host } from '@coxswain/host';
import type { Pod, PodStatus } from 'kubernetes-types/core/v1';
import { apiCode, messageOf, pods } from '../api-types.ts';
import { uidOf } from './pod-facts.ts';

interface Entry {
  pod: Pod;
  wanted: PodStatus;
  /** What the server has, as far as we know: top-level field → JSON. */
  sent: PodStatus | undefined;
  writing: Promise<void> | undefined;
  gone: boolean;
}

const retryMs = 1000;

/** Key order does not matter; absent and undefined are the same. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return (a ?? undefined) === (b ?? undefined);
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  if (Array.isArray(a)) return a.length === (b as unknown[]).length && a.every((item, index) => sameJson(item, (b as unknown[])[index]));
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].every((key) => sameJson(left[key], right[key]));
}

type Item = Readonly<Record<string, unknown>>;

/** Conditions are merged by type on the server: only changed ones are sent, and a text that is gone is said to be gone. */
function conditionPatch(before: readonly Item[], after: readonly Item[]): Item[] {
  const out: Item[] = [];
  for (const next of after) {
    const old = before.find((candidate) => candidate['type'] === next['type']);
    if (old !== undefined && sameJson(old, next)) continue;
    const gone = Object.keys(old ?? {}).filter((key) => next[key] === undefined).map((key) => [key, null]);
    out.push({ ...next, ...Object.fromEntries(gone) as Item });
  }
  return out;
}

/** Addresses are merged by value on the server: those that are gone must be named. */
function addressPatch(before: readonly Item[], after: readonly Item[]): Item[] {
  const gone = before.filter((old) => !after.some((next) => next['ip'] === old['ip']));
  return gone.length === 0 && after.length === before.length ? [] : [...after, ...gone.map((old) => ({ $patch: 'delete', ip: old['ip'] }))];
}

/** A strategic merge patch from one status to the other; without fields if nothing is to be written. */
export function statusPatch(before: PodStatus | undefined, after: PodStatus): Record<string, unknown> {
  const old = (before ?? {}) as Record<string, unknown>;
  const next = after as Record<string, unknown>;
  const out: Record<string, unknown> = {};
  for (const key of Object.keys(next)) {
    const list = Array.isArray(next[key]) && Array.isArray(old[key]);
    if (list && key === 'conditions') out[key] = conditionPatch(old[key] as Item[], next[key] as Item[]);
    else if (list && (key === 'podIPs' || key === 'hostIPs')) out[key] = addressPatch(old[key] as Item[], next[key] as Item[]);
    else if (!sameJson(old[key], next[key])) out[key] = next[key];
    if (list && Array.isArray(out[key]) && (out[key] as Item[]).length === 0 && (next[key] as Item[]).length > 0) delete out[key];
  }
  for (const key of ['reason', 'message']) if (old[key] !== undefined && next[key] === undefined) out[key] = null;
  return out;
}

/** Writes these fields of a pod's status, if it is still that pod; resolves with the status after that, where it is told. Rejects as `Client.patch` does. */
export type PatchStatus = (pod: Pod, fields: Readonly<Record<string, unknown>>) => Promise<PodStatus | undefined>;

function patchBy(client: Client): PatchStatus {
  return async ({ metadata = {} }, fields) => {
    const answer = await client.patch<Pod>(pods, { namespace: metadata.namespace, name: metadata.name ?? '' }, 'strategic', { metadata: { uid: metadata.uid }, status: fields }, { subresource: 'status' });
    return answer.status;
  };
}

/**
 * Writes pod statuses, one write at a time for a pod, the newest state always; a status that the server already has is not
 * written. `current` is what callers (probes, the server) should believe before the API server has it.
 */
export class StatusManager {
  readonly #patch: PatchStatus;
  readonly #host: Host;
  readonly #entries = new Map<string, Entry>();

  constructor(client: Client | PatchStatus, host: Host) {
    this.#patch = typeof client === 'function' ? client : patchBy(client);
    this.#host = host;
  }

  current(uid: string): PodStatus | undefined {
    return this.#entries.get(uid)?.wanted;
  }

  set(pod: Pod, status: PodStatus): void {
    const uid = uidOf(pod);
    const entry = this.#entries.get(uid) ?? { pod, wanted: status, sent: pod.status, writing: undefined, gone: false };
    entry.pod = pod;
    entry.wanted = status;
    this.#entries.set(uid, entry);
    this.#kick(entry);
  }

  /** The server's own state, from the informer: somebody else may have changed the status. */
  observed(pod: Pod): void {
    const entry = this.#entries.get(uidOf(pod));
    if (entry === undefined || entry.writing !== undefined) return;
    entry.sent = pod.status;
    this.#kick(entry);
  }

  /** Resolves when everything that was set before is on the server, or the pod is gone there. */
  async flushed(uid: string): Promise<void> {
    for (;;) {
      const writing = this.#entries.get(uid)?.writing;
      if (writing === undefined) return;
      await writing;
    }
  }

  forget(uid: string): void {
    const entry = this.#entries.get(uid);
    if (entry !== undefined) entry.gone = true;
    this.#entries.delete(uid);
  }

  #kick(entry: Entry): void {
    if (entry.gone || entry.writing !== undefined || Object.keys(statusPatch(entry.sent, entry.wanted)).length === 0) return;
    entry.writing = this.#write(entry).finally(() => {
      entry.writing = undefined;
      // What was set between the write's end and this has found it still writing.
      this.#kick(entry);
    });
  }

  async #write(entry: Entry): Promise<void> {
    for (;;) {
      const status = entry.wanted;
      const fields = statusPatch(entry.sent, status);
      if (entry.gone || Object.keys(fields).length === 0) return;
      const metadata = entry.pod.metadata ?? {};
      try {
        entry.sent = await this.#patch(entry.pod, fields) ?? status;
        // A server that normalises what we sent must not make us send it again for ever.
        if (entry.wanted === status) { entry.sent = { ...entry.sent, ...status }; return; }
      } catch (error) {
        const code = apiCode(error);
        if (code === 404 || code === 409) { entry.gone = true; return; }
        this.#host.log.warn('pod status is not written', { pod: metadata.name, namespace: metadata.namespace, error: messageOf(error) });
        await this.#host.timers.sleep(retryMs);
      }
    }
  }
}
