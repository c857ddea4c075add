import { apiErrorOf, type Client, type EventRecorder } from '@coxswain/client';
import type { ItemWriter } from '@coxswain/client/fast-path';
import { fromUtf8, utf8, type Host, type TimerHandle } from '@coxswain/host';
import type { Pod } from 'kubernetes-types/core/v1';
import { messageOf, nodes as nodeType } from '../../api-types.ts';
import { admissionProblem, confirmed, type AdmissionInput } from '../../pod/admission.ts';
import { BackOff } from '../../pod/backoff.ts';
import { crashBackOffInitialMs } from '../../pod/crash-back-off.ts';
import { podEvents } from '../../pod/events.ts';
import { isHostNetwork, isTerminalPhase, uidOf } from '../../pod/pod-facts.ts';
import { StatusManager, type PatchStatus } from '../../pod/status-manager.ts';
import { deleteFromApi } from '../../pod/terminate.ts';
import { AddressPool } from './addresses.ts';
import type { FleetConfig } from './config.ts';
import { strategicPatch } from './keeper.ts';
import { HollowPod, type LifeDeps } from './life.ts';
import type { HollowNode } from './node.ts';
import { behaviourOf } from './rules.ts';

const retryMs = 1000;
const deletionsAtOnce = 64;

interface Entry {
  readonly life: HollowPod;
  readonly node: HollowNode;
  timer: TimerHandle | undefined;
  /** Its node has not decided yet whether it takes it. */
  undecided: boolean;
  deleting: boolean;
}

/** Statuses of many pods in one call. What the server makes of them the watch will say. */
function patchTogether(writer: ItemWriter): PatchStatus {
  return async ({ metadata = {} }, fields) => {
    const body = utf8(JSON.stringify({ metadata: { uid: metadata.uid }, status: fields }));
    const answer = await writer.write({ namespace: metadata.namespace ?? '', name: metadata.name ?? '', status: { apiVersion: 'v1', resource: 'pods', body, patchType: strategicPatch } });
    if (answer.code >= 300) throw apiErrorOf(answer.code, fromUtf8(answer.body), undefined);
    return undefined;
  };
}

/** The pods of a fleet's nodes: each is looked at when it changes and when something is due in it; what has changed is told to the API. */
export class FleetPods {
  readonly #config: FleetConfig;
  readonly #host: Host;
  readonly #client: Client;
  readonly #recorder: EventRecorder;
  readonly #statuses: StatusManager;
  readonly #backOff: BackOff;
  /** For nodes whose own is used up. */
  readonly #pool: AddressPool;
  readonly #entries = new Map<string, Entry>();
  readonly #byNode = new Map<HollowNode, Set<Entry>>();
  #toDelete: Entry[] = [];
  #deletions = 0;

  constructor(config: FleetConfig, host: Host, client: Client, writer: ItemWriter, recorder: EventRecorder) {
    this.#config = config;
    this.#host = host;
    this.#client = client;
    this.#recorder = recorder;
    this.#statuses = new StatusManager(patchTogether(writer), host);
    this.#backOff = new BackOff(host.clock, crashBackOffInitialMs, config.maxContainerBackOffMs);
    this.#pool = new AddressPool(config.spareCidr);
  }

  get size(): number { return this.#entries.size; }

  /** The API has this now of a pod of this node, which speaks. */
  seen(pod: Pod, node: HollowNode): void {
    const known = this.#entries.get(uidOf(pod));
    if (known === undefined) { this.#begin(pod, node); return; }
    known.life.update(pod);
    this.#statuses.observed(pod);
    this.#look(known);
  }

  /** The API has it no more. */
  gone(pod: Pod): void {
    const entry = this.#entries.get(uidOf(pod));
    if (entry === undefined) return;
    entry.life.remove();
    this.#forget(entry);
  }

  #begin(pod: Pod, node: HollowNode): void {
    const { behaviour, problems } = behaviourOf(this.#config.rules, pod, node.object);
    const entry: Entry = { life: new HollowPod(this.#lifeDeps(node), behaviour, pod, this.#host.clock.nowMs()), node, timer: undefined, undecided: false, deleting: false };
    for (const problem of problems) this.#recorder.event({ apiVersion: 'v1', kind: 'Pod', metadata: pod.metadata ?? {} }, 'Warning', 'InvalidHollowAnnotation', problem);
    const { podIP, startTime } = pod.status ?? {};
    if (podIP !== undefined && !isHostNetwork(pod) && !isTerminalPhase(pod)) void (node.pool?.keep(podIP) === true || this.#pool.keep(podIP));
    const others = this.#on(node);
    // What was admitted once goes on.
    const problem = startTime !== undefined || entry.life.terminating ? undefined : admissionProblem(this.#admissionOf(pod, node));
    this.#entries.set(uidOf(pod), entry);
    others.add(entry);
    if (problem === undefined) { this.#look(entry); return; }
    entry.undecided = true;
    void confirmed(problem, this.#admissionOf(pod, node), () => this.#client.get(nodeType, { name: node.name })).then((rejection) => {
      entry.undecided = false;
      if (rejection !== undefined) entry.life.reject(rejection);
      this.#look(entry);
    });
  }

  #on(node: HollowNode): Set<Entry> {
    const present = this.#byNode.get(node);
    if (present !== undefined) return present;
    const entries = new Set<Entry>();
    this.#byNode.set(node, entries);
    return entries;
  }

  #admissionOf(pod: Pod, node: HollowNode): AdmissionInput {
    const others = [...this.#on(node)].filter(({ life }) => !life.over && !life.rejected && uidOf(life.pod) !== uidOf(pod)).map(({ life }) => life.pod);
    return { pod, others, node: node.object, nodeName: node.name, allocatable: node.allocatable, allowedUnsafeSysctls: [] };
  }

  #lifeDeps(node: HollowNode): LifeDeps {
    return {
      seed: this.#config.seed, backOff: this.#backOff, hostIp: node.address,
      takeAddress: () => node.pool?.take() ?? this.#pool.take() ?? '',
      giveBack: (address) => { node.pool?.giveBack(address); this.#pool.giveBack(address); },
      tell: (pod, type, reason, message, container) => {
        if (type === 'Normal' && !this.#config.events) return;
        const events = podEvents(this.#recorder, pod);
        if (container === undefined) events.pod(type, reason, message);
        else events.container(container, type, reason, message);
      },
    };
  }

  /** Everything of the node again: it speaks again after a silence. */
  resume(node: HollowNode): void {
    for (const entry of this.#on(node)) this.#look(entry);
  }

  #look(entry: Entry): void {
    entry.timer?.cancel();
    entry.timer = undefined;
    const { life, node } = entry;
    const uid = uidOf(life.pod);
    if (node.silent || entry.undecided || this.#entries.get(uid) !== entry) return;
    const nowMs = this.#host.clock.nowMs();
    const nextMs = life.advance(nowMs);
    this.#statuses.set(life.pod, life.status(this.#statuses.current(uid), nowMs));
    if (Number.isFinite(nextMs)) entry.timer = this.#host.timers.after(Math.max(0, nextMs - nowMs), () => { this.#look(entry); });
    if (life.over && life.pod.metadata?.deletionTimestamp !== undefined && !entry.deleting) {
      entry.deleting = true;
      this.#toDelete.push(entry);
      this.#startDeletions();
    }
  }

  #startDeletions(): void {
    while (this.#deletions < deletionsAtOnce && this.#toDelete.length > 0) {
      this.#deletions += 1;
      void this.#delete(this.#toDelete.shift() as Entry).finally(() => {
        this.#deletions -= 1;
        this.#startDeletions();
      });
    }
  }

  async #delete(entry: Entry): Promise<void> {
    const { pod } = entry.life;
    try {
      await deleteFromApi({ client: this.#client, statuses: this.#statuses }, pod);
      // With finalizers of others it stays a while; it is nobody's work any more.
    } catch (error) {
      this.#host.log.debug('pod of a hollow node is not deleted', { pod: pod.metadata?.name, namespace: pod.metadata?.namespace, error: messageOf(error) });
      entry.deleting = false;
      entry.timer ??= this.#host.timers.after(retryMs, () => { this.#look(entry); });
    }
  }

  #forget(entry: Entry): void {
    const uid = uidOf(entry.life.pod);
    entry.timer?.cancel();
    this.#entries.delete(uid);
    this.#on(entry.node).delete(entry);
    this.#statuses.forget(uid);
    this.#backOff.forget(`${uid}/`);
  }

  stop(): void {
    for (const entry of this.#entries.values()) entry.timer?.cancel();
    this.#entries.clear();
  }
}
