import { apiErrorOf, type Client } from '@coxswain/client';
import type { FastPathAnswer, ItemWriter } from '@coxswain/client/fast-path';
import { fromUtf8, utf8, type Host } from '@coxswain/host';
import type { Node } from 'kubernetes-types/core/v1';
import { apiCode, leases, messageOf, nodes as nodeType } from '../../api-types.ts';
import { chance } from './chance.ts';
import type { FleetConfig } from './config.ts';
import { leaseNamespace, type HollowNode } from './node.ts';

const tickMs = 200;
const retryMs = 1000;
const registrationsAtOnce = 32;

export const strategicPatch = 'application/strategic-merge-patch+json';

/** Of a lease the next renewal needs what the last one answered. */
export interface FleetWriters { readonly leases: ItemWriter; readonly statuses: ItemWriter }

function refuse({ code, body }: FastPathAnswer): void {
  if (code >= 300) throw apiErrorOf(code, fromUtf8(body), undefined);
}

/** Registers the nodes of a fleet, and keeps their leases and statuses: all of what is due goes together, none of two nodes is due at once for long. */
export class NodeKeeper {
  readonly #config: FleetConfig;
  readonly #host: Host;
  readonly #client: Client;
  readonly #writers: FleetWriters;
  readonly #nodes: readonly HollowNode[];
  readonly #first = Promise.withResolvers<void>();
  #withoutLease: number;

  constructor(config: FleetConfig, host: Host, client: Client, writers: FleetWriters, nodes: readonly HollowNode[]) {
    this.#config = config;
    this.#host = host;
    this.#client = client;
    this.#writers = writers;
    this.#nodes = nodes;
    this.#withoutLease = nodes.length;
  }

  /** Resolves when every node that is not silent has a lease that this process has written. */
  get allAlive(): Promise<void> { return this.#first.promise; }

  /** Those that the API does not have. */
  async registerAll(signal: AbortSignal): Promise<void> {
    const missing = this.#nodes.filter(({ object }) => object === undefined).values();
    await Promise.all(Array.from({ length: registrationsAtOnce }, async () => {
      for (const node of missing) if (!signal.aborted) await this.register(node, signal);
    }));
  }

  /** Until it is done. */
  async register(node: HollowNode, signal: AbortSignal): Promise<void> {
    if (node.registering) return;
    node.registering = true;
    while (!signal.aborted) {
      try {
        node.object = await this.#create(node);
        const nowMs = this.#host.clock.nowMs();
        node.leaseDueMs = nowMs;
        node.statusDueMs = this.#nextReportMs(node, nowMs);
        break;
      } catch (error) {
        this.#host.log.warn('hollow node is not registered yet', { node: node.name, error: messageOf(error) });
        await this.#host.timers.sleep(retryMs, signal);
      }
    }
    node.registering = false;
  }

  /** One that is there is taken over: with this fleet's labels, so that it is watched. */
  async #create(node: HollowNode): Promise<Node> {
    const wanted = node.initial(this.#host.clock.nowMs());
    try {
      return await this.#client.create(nodeType, wanted);
    } catch (error) {
      if (apiCode(error) !== 409) throw error;
      return await this.#client.patch(nodeType, { name: node.name }, 'strategic', { metadata: { labels: wanted.metadata?.labels } });
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const nowMs = this.#host.clock.nowMs();
      for (const node of this.#nodes) {
        if (node.silent) this.#alive(node);
        if (node.object === undefined || node.silent) continue;
        if (node.leaseDueMs <= nowMs && !node.renewing) void this.#renew(node, nowMs);
        if (node.statusDueMs <= nowMs && !node.reporting) void this.#report(node, nowMs);
      }
      await this.#host.timers.sleep(tickMs, signal);
    }
  }

  /** A quarter of the lease, with the fleet's nodes spread over the whole of it. */
  #nextRenewalMs(node: HollowNode, nowMs: number): number {
    const periodMs = this.#config.leaseDurationSeconds * 250;
    const phaseMs = chance(this.#config.seed, `lease/${node.name}`) * periodMs;
    return nowMs + periodMs - ((nowMs - phaseMs) % periodMs);
  }

  /** Half as much more or less, so that nodes that were made together do not report together for ever. */
  #nextReportMs(node: HollowNode, nowMs: number): number {
    return nowMs + this.#config.statusReportFrequencyMs * (0.5 + chance(this.#config.seed, `status/${node.name}/${nowMs}`));
  }

  async #renew(node: HollowNode, nowMs: number): Promise<void> {
    node.renewing = true;
    try {
      const answer = await this.#writers.leases.write({ namespace: leaseNamespace, name: node.name, lease: { body: utf8(JSON.stringify(node.lease(nowMs))) } });
      refuse(answer);
      this.#alive(node);
      node.leaseVersion = /"resourceVersion":"(\d+)"/.exec(fromUtf8(answer.body))?.[1] ?? '';
      node.leaseDueMs = this.#nextRenewalMs(node, nowMs);
    } catch (error) {
      node.leaseDueMs = this.#host.clock.nowMs() + retryMs;
      await this.#lookAtLease(node, error);
    } finally {
      node.renewing = false;
    }
  }

  #alive(node: HollowNode): void {
    if (node.alive) return;
    node.alive = true;
    this.#withoutLease -= 1;
    if (this.#withoutLease === 0) this.#first.resolve();
  }

  /** It is somebody's, or newer, or gone with its node: the next renewal is right again. */
  async #lookAtLease(node: HollowNode, error: unknown): Promise<void> {
    try {
      node.leaseVersion = (await this.#client.get(leases, { namespace: leaseNamespace, name: node.name })).metadata?.resourceVersion ?? '';
      node.leaseDueMs = 0;
    } catch (second) {
      if (apiCode(second) === 404) node.leaseVersion = '';
      this.#host.log.debug('lease of a hollow node is not renewed', { node: node.name, error: messageOf(error) });
    }
  }

  async #report(node: HollowNode, nowMs: number): Promise<void> {
    node.reporting = true;
    try {
      const body = utf8(JSON.stringify({ status: node.status(nowMs) }));
      refuse(await this.#writers.statuses.write({ namespace: '', name: node.name, status: { apiVersion: 'v1', resource: 'nodes', body, patchType: strategicPatch } }));
      node.statusDueMs = this.#nextReportMs(node, nowMs);
    } catch (error) {
      node.statusDueMs = this.#host.clock.nowMs() + retryMs;
      this.#host.log.debug('status of a hollow node is not written', { node: node.name, error: messageOf(error) });
    } finally {
      node.reporting = false;
    }
  }

  /** Others have told something else of it: a node that was silent is not ready until it says so itself. */
  observed(node: HollowNode): void {
    const ready = node.object?.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
    if (ready !== 'True') node.statusDueMs = Math.min(node.statusDueMs, this.#host.clock.nowMs());
  }
}
