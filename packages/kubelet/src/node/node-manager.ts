import type { Client } from '@coxswain/client';
import type { Host } from '@coxswain/host';
import { rfc3339Micros } from '@coxswain/host';
import type { Lease } from 'kubernetes-types/coordination/v1';
import type { Node, NodeStatus } from 'kubernetes-types/core/v1';
import { apiCode, leases, messageOf, nodes } from '../api-types.ts';
import type { KubeletConfig } from '../config.ts';
import type { ContainerRuntime } from '../cri/types.ts';
import { sameJson } from '../pod/status-manager.ts';
import type { FilesystemInfo, MachineInfo, NodeSystem } from '../system.ts';
import { initialNode, nodeStatus } from './node-status.ts';

const leaseNamespace = 'kube-node-lease';
const retryMs = 200;
const maxRetryMs = 7000;
const notReadyPeriodMs = 100;

export interface NodeManagerOptions {
  readonly config: KubeletConfig;
  readonly host: Host;
  readonly client: Client;
  readonly runtime: ContainerRuntime;
  readonly system: NodeSystem;
  readonly machine: MachineInfo;
  readonly filesystem: FilesystemInfo;
  readonly hostIp: string;
  readonly port: () => number;
}

/** Registers the node, keeps its status (when it changes, else every nodeStatusReportFrequency) and its lease. */
export class NodeManager {
  readonly #options: NodeManagerOptions;
  #problems: readonly string[] = ['container runtime status check may not have completed yet'];
  #networkProblem: string | undefined = 'the runtime has not been asked yet';
  #reported: NodeStatus | undefined;
  #reportedMs = 0;
  #runtimeVersion = '';
  #wake: (() => void) | undefined;

  constructor(options: NodeManagerOptions) {
    this.#options = options;
  }

  /** Why the runtime's pod network cannot be used; undefined if it can. */
  get networkProblem(): string | undefined { return this.#networkProblem; }
  get problems(): readonly string[] { return this.#problems; }

  /** Ends when `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#checkRuntime();
    await this.#register(signal);
    await Promise.all([this.#statusLoop(signal), this.#leaseLoop(signal)]);
  }

  /** Looks again now: something may have changed (the pod network came up). */
  wake(): void {
    this.#wake?.();
  }

  /** Others have said something else of it: it says at once what is so. */
  observed(node: Node): void {
    if (this.#reported !== undefined && node.status !== undefined && readyOf(node.status) !== readyOf(this.#reported)) this.#lookAgain();
  }

  /** The node may be gone, with its lease: the next report finds out and registers it again, rather than when one is due. */
  #lookAgain(): void {
    this.#reported = undefined;
    this.wake();
  }

  async #checkRuntime(): Promise<void> {
    try {
      if (this.#runtimeVersion === '') {
        const version = await this.#options.runtime.version();
        this.#runtimeVersion = `${version.runtimeName}://${version.runtimeVersion}`;
      }
      const conditions = await this.#options.runtime.status();
      const problems: string[] = [];
      for (const condition of conditions) {
        if (condition.status) continue;
        if (condition.type === 'NetworkReady') problems.push(`container runtime network not ready: NetworkReady=false reason:${condition.reason} message:${condition.message}`);
        else problems.push(`container runtime is down: ${condition.type}=false reason:${condition.reason} message:${condition.message}`);
      }
      const network = conditions.find((condition) => condition.type === 'NetworkReady');
      this.#networkProblem = network?.status === false ? `container runtime network not ready: NetworkReady=false reason:${network.reason} message:${network.message}` : undefined;
      this.#problems = problems;
    } catch (error) {
      this.#problems = [`container runtime is down: ${messageOf(error)}`];
    }
  }

  async #register(signal: AbortSignal): Promise<void> {
    const { config, host } = this.#options;
    for (let delayMs = retryMs; !signal.aborted; delayMs = Math.min(maxRetryMs, delayMs * 2)) {
      try {
        await this.#registerOnce();
        host.log.info('node is registered', { node: config.nodeName });
        return;
      } catch (error) {
        host.log.warn('node is not registered yet', { node: config.nodeName, error: messageOf(error) });
        await host.timers.sleep(delayMs, signal);
      }
    }
  }

  async #registerOnce(): Promise<void> {
    const { config, client, machine } = this.#options;
    if (!config.registerNode) return;
    const node = initialNode(config, machine);
    try {
      await client.create(nodes, { ...node, status: await this.#compute(undefined) });
      return;
    } catch (error) {
      if (apiCode(error) !== 409) throw error;
    }
    const present = await client.get(nodes, { name: config.nodeName });
    const labels = Object.entries(node.metadata?.labels ?? {}).filter(([name, value]) => present.metadata?.labels?.[name] !== value);
    if (labels.length > 0) await client.patch(nodes, { name: config.nodeName }, 'strategic', { metadata: { labels: Object.fromEntries(labels) } });
  }

  async #compute(old: NodeStatus | undefined): Promise<NodeStatus> {
    const { config, host, machine, filesystem, hostIp } = this.#options;
    const images = await this.#options.runtime.listImages().catch(() => []);
    return nodeStatus({
      config, machine, filesystem, hostIp, images, old, port: this.#options.port(), runtimeVersion: this.#runtimeVersion, problems: this.#problems, nowMs: host.clock.nowMs(),
    });
  }

  async #statusLoop(signal: AbortSignal): Promise<void> {
    const { config, host } = this.#options;
    while (!signal.aborted) {
      await this.#checkRuntime();
      try {
        await this.#report();
      } catch (error) {
        host.log.warn('node status is not written', { error: messageOf(error) });
        if (apiCode(error) === 404 && config.registerNode) {
          await this.#register(signal);
          continue;
        }
      }
      // Until the node is ready the runtime is asked often, so that it is ready as soon as it can be.
      const delayMs = this.#problems.length === 0 ? config.nodeStatusUpdateFrequencyMs : Math.min(notReadyPeriodMs, config.nodeStatusUpdateFrequencyMs);
      await this.#pause(delayMs, signal);
    }
  }

  async #pause(delayMs: number, signal: AbortSignal): Promise<void> {
    const abort = new AbortController();
    const stop = (): void => abort.abort();
    signal.addEventListener('abort', stop, { once: true });
    this.#wake = stop;
    await this.#options.host.timers.sleep(delayMs, abort.signal);
    signal.removeEventListener('abort', stop);
  }

  async #report(): Promise<void> {
    const { config, client, host } = this.#options;
    const due = host.clock.nowMs() - this.#reportedMs >= config.nodeStatusReportFrequencyMs;
    const known = await this.#compute(this.#reported);
    if (!due && this.#reported !== undefined && sameJson(withoutHeartbeats(known), withoutHeartbeats(this.#reported))) return;
    const present = await client.get(nodes, { name: config.nodeName });
    const status = await this.#compute(present.status);
    await client.patch<Node>(nodes, { name: config.nodeName }, 'strategic', { status: { ...status, addresses: status.addresses } }, { subresource: 'status' });
    if (this.#reported === undefined || readyOf(this.#reported) !== readyOf(status)) host.log.info('node status', { ready: readyOf(status), problems: this.#problems });
    this.#reported = status;
    this.#reportedMs = host.clock.nowMs();
  }

  async #leaseLoop(signal: AbortSignal): Promise<void> {
    const { config, host } = this.#options;
    let lease: Lease | undefined;
    let delayMs = retryMs;
    while (!signal.aborted) {
      try {
        lease = await this.#renew(lease);
        delayMs = retryMs;
        await host.timers.sleep(config.nodeLeaseDurationSeconds * 250, signal);
      } catch (error) {
        host.log.warn('node lease is not renewed', { error: messageOf(error) });
        lease = undefined;
        if (apiCode(error) === 404) this.#lookAgain();
        await host.timers.sleep(delayMs, signal);
        delayMs = Math.min(maxRetryMs, delayMs * 2);
      }
    }
  }

  async #renew(known: Lease | undefined): Promise<Lease> {
    const { config, client, host } = this.#options;
    const key = { namespace: leaseNamespace, name: config.nodeName };
    const spec = { holderIdentity: config.nodeName, leaseDurationSeconds: config.nodeLeaseDurationSeconds, renewTime: rfc3339Micros(host.clock.nowMs()) };
    const present = known ?? await client.get(leases, key).catch((error: unknown) => { if (apiCode(error) === 404) return undefined; throw error; });
    if (present !== undefined) return await client.update(leases, { ...present, spec: { ...present.spec, ...spec } });
    const node = await client.get(nodes, { name: config.nodeName });
    const owner = { apiVersion: 'v1', kind: 'Node', name: config.nodeName, uid: node.metadata?.uid ?? '' };
    return await client.create(leases, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { ...key, ownerReferences: [owner] }, spec });
  }
}

function readyOf(status: NodeStatus): string {
  return status.conditions?.find((condition) => condition.type === 'Ready')?.status ?? 'Unknown';
}

function withoutHeartbeats(status: NodeStatus): unknown {
  return { ...status, conditions: status.conditions?.map((condition) => ({ ...condition, lastHeartbeatTime: '' })) };
}
