import { range, runLoad, type Connection } from '@coxswain/apiserver/bench';
import { keyOfObject } from '@coxswain/client';
import type { Pod } from 'kubernetes-types/core/v1';

const inFlight = 64;

/** What a run makes in somebody else's cluster, to be taken away when it is over. */
export class Made {
  readonly #paths: string[] = [];
  readonly #held: string[] = [];

  /** `held`: with a finalizer that perhaps nobody takes away. */
  note(path: string, held: boolean): void {
    this.#paths.push(path);
    if (held) this.#held.push(path);
  }

  pods(pods: readonly Pod[]): void {
    for (const pod of pods) {
      const [namespace, name] = keyOfObject(pod).split('/');
      const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
      this.#paths.push(`${path}?gracePeriodSeconds=0`);
      if ((pod.metadata?.finalizers ?? []).length > 0) this.#held.push(path);
    }
  }

  /** The last first, so that nothing goes before what uses it. Some of it may have gone in the run. */
  async remove(connections: readonly Connection[]): Promise<void> {
    const body = Buffer.from(JSON.stringify({ metadata: { finalizers: null } }));
    const freed = await runLoad(connections, { inFlight, accepted: [200, 404], next: range(0, this.#held.length, (at) => ({ method: 'PATCH', path: this.#held[at] as string, contentType: 'application/merge-patch+json', body })) });
    const last = this.#paths.length - 1;
    const removed = await runLoad(connections, { inFlight, accepted: [200, 202, 404], next: range(0, this.#paths.length, (at) => ({ method: 'DELETE', path: this.#paths[last - at] as string })) });
    const failed = [freed, removed].find((result) => result.failed > 0);
    if (failed !== undefined) throw new Error(`what was made in the cluster was not all taken away again: ${failed.firstFailure}`);
  }
}
