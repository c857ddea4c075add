import type { JsonObject } from '@coxswain/api';
import { resources, type Client } from '@coxswain/client';
import { rfc3339Seconds, type Host } from '@coxswain/host';
import { describeError } from '../transport/describe-error.ts';
import { at, isObject, nameOf } from '../registry/object.ts';
import type { CacheReader } from '../types.ts';

const group = 'flowcontrol.apiserver.k8s.io';
const fieldManager = 'api-priority-and-fairness-config-consumer-v1';
const retryMs = 1000;

/** Whether the priority level that a flow schema names is there, as its condition tells. */
function danglingCondition(schema: JsonObject, levelExists: boolean, nowMs: number): JsonObject {
  const level = at(schema, 'spec', 'priorityLevelConfiguration', 'name');
  const subject = `This FlowSchema references the PriorityLevelConfiguration object named ${JSON.stringify(level ?? '')}`;
  return {
    type: 'Dangling', status: levelExists ? 'False' : 'True', lastTransitionTime: rfc3339Seconds(nowMs), reason: levelExists ? 'Found' : 'NotFound',
    message: levelExists ? `${subject} and it exists` : `${subject} but there is no such object`,
  };
}

function conditionOf(schema: JsonObject): JsonObject | undefined {
  const conditions = at(schema, 'status', 'conditions');
  return Array.isArray(conditions) ? conditions.filter(isObject).find((condition) => condition['type'] === 'Dangling') : undefined;
}

/** Keeps the condition of every flow schema. Several servers may do it at once: all apply the same. */
export class SchemaConditions {
  readonly #host: Host;
  readonly #client: Client;
  readonly #cache: CacheReader;
  readonly #waiting = new Set<string>();
  readonly #stop: AbortSignal;
  #working = false;

  constructor(host: Host, client: Client, cache: CacheReader, stop: AbortSignal) {
    this.#host = host;
    this.#client = client;
    this.#cache = cache;
    this.#stop = stop;
  }

  start(): void {
    const unsubscribe = [
      this.#cache.onChange(group, 'flowschemas', (event) => { if (event.type !== 'DELETED') this.#add(nameOf(event.object)); }),
      this.#cache.onChange(group, 'prioritylevelconfigurations', () => this.#addAll()),
    ];
    this.#stop.addEventListener('abort', () => unsubscribe.forEach((end) => end()), { once: true });
    this.#addAll();
  }

  #addAll(): void {
    for (const schema of this.#cache.list(group, 'flowschemas')) this.#add(nameOf(schema));
  }

  #add(name: string): void {
    this.#waiting.add(name);
    if (!this.#working) void this.#work();
  }

  async #work(): Promise<void> {
    this.#working = true;
    try {
      for (const name of this.#waiting) {
        if (this.#stop.aborted) return;
        this.#waiting.delete(name);
        await this.#sync(name);
      }
    } finally {
      this.#working = false;
    }
  }

  async #sync(name: string): Promise<void> {
    const schema = this.#cache.get(group, 'flowschemas', '', name);
    if (schema === undefined) return;
    const level = at(schema, 'spec', 'priorityLevelConfiguration', 'name');
    const exists = typeof level === 'string' && this.#cache.get(group, 'prioritylevelconfigurations', '', level) !== undefined;
    const wanted = danglingCondition(schema, exists, this.#host.clock.nowMs());
    const before = conditionOf(schema);
    if (before !== undefined && before['status'] === wanted['status'] && before['message'] === wanted['message']) return;
    const body = { apiVersion: `${group}/v1`, kind: 'FlowSchema', metadata: { name }, status: { conditions: [wanted] } };
    try {
      await this.#client.patch(resources.flowschemas, { name }, 'apply', body, { subresource: 'status', fieldManager, force: true });
    } catch (error) {
      this.#host.log.debug('The condition of a flow schema was not written', { name, error: describeError(error) });
      this.#host.timers.after(retryMs, () => { if (!this.#stop.aborted && this.#cache.get(group, 'flowschemas', '', name) !== undefined) this.#add(name); });
    }
  }
}
