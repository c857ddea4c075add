import { randomUUID } from 'node:crypto';
import { range, runLoad, type Connection } from '@coxswain/apiserver/bench';
import type { KubeObject } from '@coxswain/client';
import { readWhole } from './requests.ts';
import { runLabel } from './templates.ts';

const inFlight = 64;

export interface Making {
  readonly path: string;
  /** With a finalizer that perhaps nobody takes away. */
  readonly held: boolean;
}

/** What a run makes in somebody else's cluster, to be taken away when it is over; of what is there under the same name nothing is touched. */
export class Made {
  readonly #run: string = randomUUID();
  readonly #made: Making[] = [];
  /** Asked for, and not answered with what tells whether it was made. */
  readonly #asked = new Set<Making>();

  /** The object with what it is known by where the answer is lost. */
  marked<T extends KubeObject>(object: T): T {
    return { ...object, metadata: { ...object.metadata, annotations: { ...object.metadata?.annotations, [runLabel]: this.#run } } };
  }

  sent(making: Making): void {
    this.#asked.add(making);
  }

  answered(making: Making, status: number): void {
    // A server that is late or broken may have made it all the same.
    if (status >= 500) return;
    this.#asked.delete(making);
    if (status === 201) this.#made.push(making);
  }

  /** The last first, so that nothing goes before what uses it. Some of it may have gone in the run. */
  async remove(connections: readonly Connection[]): Promise<void> {
    const unclear = await this.#settle(connections[0] as Connection);
    const body = Buffer.from(JSON.stringify({ metadata: { finalizers: null } }));
    const held = this.#made.filter((one) => one.held);
    const freed = await runLoad(connections, { inFlight, accepted: [200, 404], next: range(0, held.length, (at) => ({ method: 'PATCH', path: (held[at] as Making).path, contentType: 'application/merge-patch+json', body })) });
    const last = this.#made.length - 1;
    const removed = await runLoad(connections, { inFlight, accepted: [200, 202, 404], next: range(0, this.#made.length, (at) => ({ method: 'DELETE', path: `${(this.#made[last - at] as Making).path}?gracePeriodSeconds=0` })) });
    const failure = [freed.firstFailure, removed.firstFailure, unclear].find((one) => one !== '');
    if (failure !== undefined) throw new Error(`what was made in the cluster was not all taken away again: ${failure}`);
  }

  /** Resolves with what could not be found out, if anything. */
  async #settle(connection: Connection): Promise<string> {
    let unclear = '';
    for (const making of this.#asked) {
      const { status, body } = await readWhole(connection, { method: 'GET', path: making.path });
      if (status === 200 && (JSON.parse(body) as KubeObject).metadata?.annotations?.[runLabel] === this.#run) this.#made.push(making);
      else if (status !== 200 && status !== 404) unclear = `GET ${making.path}: ${status} ${body}`;
    }
    this.#asked.clear();
    return unclear;
  }
}
