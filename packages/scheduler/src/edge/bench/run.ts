import { append } from '@coxswain/host';
import { keyOfObject } from '@coxswain/client';
import type { Namespace } from 'kubernetes-types/core/v1';
import { podGroupLabel, type PodGroup } from '../../gangs/pod-group.ts';
import { Beside, together } from './beside.ts';
import { makeAllocatedClaims, makeClaimTemplate, makeDriver } from './devices.ts';
import { updateTemplates, type Update, type UpdateMaker } from './event-templates.ts';
import { placementOf } from './placement.ts';
import type { RequestCounts } from './requests.ts';
import { boundsOf, countsAfter, type SchedulerCounts } from './scheduler-counts.ts';
import { rateOf, Uses, warmUpOf, writesBefore, writtenSince, type Sample } from './sample.ts';
import { percentiles } from './statistics.ts';
import type { Target } from './target.ts';
import { makeNode, makePod, makeService, nodeTemplates, podTemplate, runLabel, type NodeTemplateName, type PodTemplateName } from './templates.ts';
import { giveVolume, makeCsiNode } from './volumes.ts';
import { countOf, type ChurnTemplate, type Op, type Workload } from './workloads.ts';

export interface RunOptions {
  /** The measured pods are there before the scheduler begins. */
  readonly drain: boolean;
  /** Give up when no pod was bound for so long. */
  readonly idleMs: number;
}

const defaultNamespace = 'namespace-1';
const atOnce = 64;
/** Of a rolling update's pods, those that its controllers learn of together. */
const step = 32;
const unreachable = ['NoSchedule', 'NoExecute'].map((effect) => ({ key: 'node.kubernetes.io/unreachable', effect }));

type MadePod = ReturnType<typeof makePod>;
/** From when on pods are measured. */
interface Start { readonly ms: number; readonly uses: Uses; readonly writes: RequestCounts | undefined; readonly decided: SchedulerCounts | undefined }

/** Carries one workload's operations out, in order. */
class Run {
  readonly #target: Target;
  readonly #workload: Workload;
  readonly #options: RunOptions;
  readonly #keysOf = new Map<PodTemplateName, Set<string>>();
  readonly #nodes: ReturnType<typeof makeNode>[] = [];
  readonly #beside = new Beside();
  /** Templates whose pods are measured, and since when. */
  #collecting: { readonly of: readonly PodTemplateName[]; readonly start: Start } | undefined;
  #made = 0;
  #devicesEach = 0;
  #measured: { readonly op: Extract<Op, { opcode: 'createPods' }>; readonly pods: readonly MadePod[] } | undefined;
  sample: Sample | undefined;

  constructor(target: Target, workload: Workload, options: RunOptions) {
    this.#target = target;
    this.#workload = workload;
    this.#options = options;
  }

  async all(): Promise<void> {
    await this.#target.createNamespaces([this.#namespace(defaultNamespace, {})]);
    try {
      for (const op of this.#workload.ops) await this.#do(op);
    } finally {
      await this.#beside.end();
    }
  }

  /** After `all`, of workloads that `canGoAgain`: the measured pods go, and as many new ones are measured. */
  async again(): Promise<void> {
    if (this.#measured === undefined) throw new Error('nothing was measured');
    const { op, pods } = this.#measured;
    await together(pods, atOnce, (pod) => this.#deletePod(keyOfObject(pod)));
    await this.#createPods(op);
  }

  #count(count: Parameters<typeof countOf>[1]): number {
    return countOf(this.#workload, count);
  }

  #namespace(name: string, labels: Readonly<Record<string, string>>): Namespace {
    return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { ...labels, [runLabel]: 'true' } } };
  }

  async #do(op: Op): Promise<void> {
    switch (op.opcode) {
      case 'createNodes': await this.#createNodes(op); return;
      case 'createNamespaces': {
        const names = Array.from({ length: this.#count(op.count) }, (_, at) => `${op.prefix}-${at}`);
        await this.#target.createNamespaces(names.map((name) => this.#namespace(name, op.labels ?? {})));
        return;
      }
      case 'createPods': await this.#createPods(op); return;
      case 'createPodSets':
        for (let at = 0; at < this.#count(op.count); at += 1) await this.#createPods({ opcode: 'createPods', count: op.podsEach, podTemplate: op.podTemplate, namespace: `${op.namespacePrefix}-${at}`, skipWaitToCompletion: true });
        await this.#bound(op.podTemplate);
        return;
      case 'createResourceDriver':
        this.#devicesEach = op.maxClaimsPerNode;
        await this.#target.createDevices(makeDriver(this.#nodeNames(), op.maxClaimsPerNode));
        return;
      case 'createResourceClaimTemplate': await this.#target.createDevices(makeClaimTemplate(op.namespace)); return;
      case 'createAllocatedClaims': {
        const names = this.#nodeNames();
        await this.#target.createDevices(makeAllocatedClaims(op.namespace, Math.min(this.#count(op.count), names.length * this.#devicesEach - op.leaving), names, this.#devicesEach));
        return;
      }
      case 'createService': await this.#target.createService(makeService(op.namespace ?? defaultNamespace, 'bench')); return;
      case 'deletePods': this.#beside.start(this.#beside.paced(this.#keysOf.get(op.of) ?? [], op.deletePodsPerSecond, (key) => this.#deletePod(key))); return;
      case 'churn': this.#beside.start(this.#churn(op)); return;
      case 'updateAny': await this.#updateAny(op); return;
      case 'startCollectingMetrics': this.#collecting = { of: op.of, start: await this.#begin() }; return;
      case 'stopCollectingMetrics': await this.#collected(); return;
      case 'rollingUpdate': await this.#rollingUpdate(op); return;
      case 'loseZone': await this.#loseZone(op); return;
      case 'barrier':
        for (const [template, keys] of this.#keysOf) if (!isGated(template)) await (op.stageRequirement === 'Attempted' ? this.#attempted(keys) : this.#wait(keys));
        return;
    }
  }

  async #createNodes({ count, nodeTemplate = 'node-default', zones = [], mixedWith = [], csi, volumesANode, namePrefix }: Extract<Op, { opcode: 'createNodes' }>): Promise<void> {
    const first = this.#nodes.length;
    const templates = [nodeTemplate, ...mixedWith];
    const nodes = Array.from({ length: this.#count(count) }, (_, at) => {
      const zone: Readonly<Record<string, string>> = zones.length === 0 ? {} : { 'topology.kubernetes.io/zone': zones[at % zones.length] as string };
      return makeNode(templates[at % templates.length] as NodeTemplateName, nodeTemplate === 'node-with-name' ? 'scheduler-perf-node' : namePrefix === undefined ? `scheduler-perf-${first + at}` : `${namePrefix}-${at}`, zone);
    });
    append(this.#nodes, nodes);
    await this.#target.createNodes(nodes);
    if (csi !== undefined) await this.#target.createCsiNodes(nodes.map(({ metadata }) => makeCsiNode(metadata?.name ?? '', csi === 'migrated', volumesANode)));
  }

  #nodeNames(): readonly string[] {
    return this.#nodes.map(({ metadata }) => metadata?.name ?? '');
  }

  /** Templates in turn. */
  #makePods(templates: readonly PodTemplateName[], namespace: string, count: number, namePrefix?: string): MadePod[] {
    return Array.from({ length: count }, (_, at) => {
      this.#made += 1;
      const template = podTemplate(templates[at % templates.length] as PodTemplateName, at, count);
      return makePod(template, namespace, namePrefix === undefined ? `pod-${this.#made}` : `${namePrefix}-${at}`, this.#target.schedulerName);
    });
  }

  #note(template: PodTemplateName, pods: readonly MadePod[]): void {
    this.#keysOf.set(template, (this.#keysOf.get(template) ?? new Set<string>()).union(new Set(pods.map(keyOfObject))));
  }

  async #createPods(op: Extract<Op, { opcode: 'createPods' }>): Promise<void> {
    if (op.steadyState === true) { await this.#steadyState(op); return; }
    const templates = [op.podTemplate, ...op.mixedWith ?? []];
    const pods = this.#makePods(templates, op.namespace ?? defaultNamespace, this.#count(op.count), op.namePrefix);
    const { volume } = op;
    if (volume !== undefined) await this.#target.createVolumes(pods.map((pod) => giveVolume(pod, volume)));
    if (op.gangsOf !== undefined) await this.#group(pods, op.gangsOf);
    for (const [at, template] of templates.entries()) this.#note(template, pods.filter((_, which) => which % templates.length === at));
    if (op.collectMetrics === true) {
      this.#measured = { op, pods };
      await this.#measure(pods, op.podTemplate);
      return;
    }
    await this.#target.createPods(pods);
    if (op.skipWaitToCompletion !== true) await this.#wait(new Set(pods.map(keyOfObject)));
  }

  /** The groups are there before their pods. */
  async #group(pods: readonly MadePod[], size: number): Promise<void> {
    const groups: PodGroup[] = [];
    for (let at = 0; at < pods.length; at += size) {
      const members = pods.slice(at, at + size);
      const { name = '', namespace = '' } = members[0]?.metadata ?? {};
      groups.push({ apiVersion: 'scheduling.x-k8s.io/v1alpha1', kind: 'PodGroup', metadata: { name, namespace }, spec: { minMember: members.length } });
      for (const { metadata } of members) if (metadata !== undefined) metadata.labels = { ...metadata.labels, [podGroupLabel]: name };
    }
    await this.#target.createPodGroups(groups);
  }

  #wait(keys: ReadonlySet<string>, count = keys.size): Promise<void> {
    return this.#target.binds.wait(keys, count, this.#options.idleMs, this.#target.broken);
  }

  #bound(template: PodTemplateName): Promise<void> {
    return this.#wait(this.#keysOf.get(template) ?? new Set());
  }

  #attempted(keys: ReadonlySet<string>): Promise<void> {
    return this.#target.binds.waitForAttempts(keys, this.#options.idleMs, this.#target.broken);
  }

  async #begin(): Promise<Start> {
    const writes = await writesBefore(this.#target);
    this.#target.decisionTimes();
    const decided = await this.#target.schedulerCounts();
    return { writes, decided, ms: performance.now(), uses: new Uses(this.#target.processes()) };
  }

  async #measure(pods: readonly MadePod[], template: PodTemplateName): Promise<void> {
    const target = this.#target;
    const keys = new Set(pods.map(keyOfObject));
    if (!this.#options.drain) {
      const start = await this.#begin();
      await target.createPods(pods);
      await this.#wait(keys);
      await this.#take(start, keys, template, { made: true });
      return;
    }
    await target.pause();
    await target.createPods(pods);
    let start = await this.#begin();
    await target.resume();
    const warmUp = target.resumesAtOnce ? 0 : warmUpOf(keys.size);
    if (warmUp > 0) {
      await this.#wait(keys, warmUp);
      const { boundMs } = target.binds.timesOf(keys);
      start = { ...start, uses: new Uses(target.processes(), boundMs.length), ms: boundMs.toSorted((a, b) => a - b)[warmUp - 1] as number };
    }
    await this.#wait(keys);
    await this.#take(start, keys, template, { made: false, warmUp });
  }

  /** So many pods without a node at any time: each goes when it has one, and the next one comes, until the time is over. */
  async #steadyState({ podTemplate: template, namespace = defaultNamespace, count, durationSeconds = 0 }: Extract<Op, { opcode: 'createPods' }>): Promise<void> {
    const keys = new Set<string>();
    const start = await this.#begin();
    const endMs = start.ms + this.#count(durationSeconds) * 1000;
    await Promise.all(Array.from({ length: this.#count(count) }, async () => {
      while (performance.now() < endMs) {
        const [pod] = this.#makePods([template], namespace, 1) as [MadePod];
        const key = keyOfObject(pod);
        keys.add(key);
        await this.#target.createPods([pod]);
        await this.#wait(new Set([key]));
        await this.#deletePod(key);
      }
    }));
    await this.#take(start, keys, template, { made: true });
  }

  /** All of them are bound. `made`: from when they were made is what is asked. `warmUp`: so many were bound when the clock was started. */
  async #take({ ms: fromMs, uses, writes, decided: before }: Start, keys: ReadonlySet<string>, template: PodTemplateName, { made, warmUp = 0 }: { readonly made: boolean; readonly warmUp?: number }): Promise<void> {
    const used = uses.since(keys.size);
    const { createdMs, boundMs } = this.#target.binds.timesOf(keys);
    const rate = rateOf(boundMs, fromMs, warmUp);
    const decisionMs = this.#target.decisionTimes();
    const now = await this.#target.schedulerCounts();
    const decided = now === undefined ? undefined : countsAfter(before, now);
    // What goes on beside would make events for ever.
    await this.#beside.end();
    const written = await writtenSince(this.#target, writes);
    this.sample = {
      pods: keys.size, ...rate, processes: used,
      createToBoundMs: made ? percentiles(boundMs.map((ms, at) => ms - (createdMs[at] as number))) : undefined,
      decisionMs: decisionMs !== undefined ? percentiles(decisionMs) : decided === undefined ? undefined : boundsOf(decided),
      attempts: decided?.attempts, written, placement: placementOf(this.#nodes, this.#placed(), template),
    };
  }

  async #collected(): Promise<void> {
    if (this.#collecting === undefined) throw new Error('nothing is collected');
    const { of, start } = this.#collecting;
    const keys = of.reduce((all, template) => all.union(this.#keysOf.get(template) ?? new Set<string>()), new Set<string>());
    await this.#wait(keys);
    await this.#take(start, keys, of[0] as PodTemplateName, { made: false });
  }

  /** Templates and nodes of the pods that have a node. */
  #placed(): { readonly template: PodTemplateName; readonly node: string }[] {
    const placed: { readonly template: PodTemplateName; readonly node: string }[] = [];
    for (const [template, keys] of this.#keysOf) {
      for (const key of keys) {
        const node = this.#target.binds.nodes.get(key);
        if (node !== undefined) placed.push({ template, node });
      }
    }
    return placed;
  }

  async #deletePod(key: string): Promise<void> {
    const [namespace, name] = key.split('/') as [string, string];
    await this.#target.deletePod(namespace, name);
  }

  /** One after the other, at the rate that is asked for. */
  async #updateAny({ of, template, updatePerSecond }: Extract<Op, { opcode: 'updateAny' }>): Promise<void> {
    const target = this.#target;
    const make: UpdateMaker = updateTemplates[template];
    if ('pods' in of) {
      await this.#beside.paced([...this.#keysOf.get(of.pods) ?? []].entries(), updatePerSecond, async ([at, key]) => {
        const [namespace, name] = key.split('/') as [string, string];
        await target.patchPod(namespace, name, make(at).patch ?? {});
      });
      return;
    }
    const names = this.#nodeNames().filter((name) => name.startsWith(`${of.nodes}-`));
    await this.#beside.paced(names.entries(), updatePerSecond, ([at, name]) => this.#patchNode(name, make(at)));
  }

  async #patchNode(name: string, { patch, status }: Update): Promise<void> {
    if (patch !== undefined) await this.#target.patchNode(name, patch);
    if (status === undefined) return;
    await this.#target.patchNode(name, { status }, 'status');
    const known = this.#nodes.find(({ metadata }) => metadata?.name === name);
    if (known?.status !== undefined) Object.assign(known.status, status);
  }

  async #rollingUpdate({ of, podTemplate: template, surge }: Extract<Op, { opcode: 'rollingUpdate' }>): Promise<void> {
    const target = this.#target;
    const old = [...this.#keysOf.get(of) ?? []];
    const pods = this.#makePods([template], defaultNamespace, old.length);
    const keys = new Set(pods.map(keyOfObject));
    this.#note(template, pods);
    const start = await this.#begin();
    let made = Math.min(pods.length, this.#count(surge));
    const atATime = Math.min(step, made);
    await target.createPods(pods.slice(0, made));
    for (let bound = 0; bound < pods.length;) {
      const next = Math.min(pods.length, bound + atATime);
      await this.#wait(keys, next);
      await together(old.slice(bound, next), atOnce, (key) => this.#deletePod(key));
      await target.createPods(pods.slice(made, made + next - bound));
      made += next - bound;
      bound = next;
    }
    await this.#take(start, keys, template, { made: true });
  }

  async #loseZone({ zone, podTemplate: template }: Extract<Op, { opcode: 'loseZone' }>): Promise<void> {
    const target = this.#target;
    const lost = new Set(this.#nodes.filter(({ metadata }) => metadata?.labels?.['topology.kubernetes.io/zone'] === zone).map(({ metadata }) => metadata?.name ?? ''));
    await together([...lost], atOnce, (name) => target.patchNode(name, { spec: { taints: unreachable } }));
    // Other pods of the cluster are not the run's to delete.
    const victims = [...this.#keysOf.values()].flatMap((keys) => [...keys]).filter((key) => lost.has(target.binds.nodes.get(key) ?? ''));
    await together(victims, atOnce, (key) => this.#deletePod(key));
    const pods = this.#makePods([template], defaultNamespace, victims.length);
    this.#note(template, pods);
    await this.#measure(pods, template);
  }

  async #churn({ mode, templates, intervalMilliseconds, number = Infinity }: Extract<Op, { opcode: 'churn' }>): Promise<void> {
    let made: (() => Promise<void>)[] = [];
    for (let turn = 0; ; turn += 1) {
      if (!(await this.#beside.pause(intervalMilliseconds))) return;
      if (mode === 'recreate' && turn % 2 === 1) {
        for (const remove of made) await remove();
        made = [];
        continue;
      }
      if (mode === 'create' && turn >= number) return;
      for (const template of templates) made.push(await this.#churnOne(template, turn));
    }
  }

  /** Resolves with what takes it away again. */
  async #churnOne(template: ChurnTemplate, turn: number): Promise<() => Promise<void>> {
    const target = this.#target;
    const name = `churn-${turn}`;
    if (template === 'service-default') {
      await target.createService(makeService(defaultNamespace, name));
      return () => target.deleteService(defaultNamespace, name);
    }
    if (isNodeTemplate(template)) {
      await target.createNodes([makeNode(template, name, {})]);
      return () => target.deleteNode(name);
    }
    const [pod] = this.#makePods([template], defaultNamespace, 1) as [MadePod];
    await target.createPods([pod]);
    return () => target.deletePod(defaultNamespace, pod.metadata?.name ?? '');
  }
}

function isNodeTemplate(template: ChurnTemplate): template is NodeTemplateName {
  return Object.hasOwn(nodeTemplates, template);
}

function isGated(template: PodTemplateName): boolean {
  return podTemplate(template).spec.schedulingGates !== undefined;
}

/** What was measured of the workload, and then, as often as it is asked, of as many new pods in the place of the measured ones. */
export async function* runRounds(target: Target, workload: Workload, options: RunOptions): AsyncGenerator<Sample, never> {
  const run = new Run(target, workload, options);
  await run.all();
  for (;;) {
    if (run.sample === undefined) throw new Error(`workload ${workload.name} measures nothing`);
    yield run.sample;
    await run.again();
  }
}

export async function runWorkload(target: Target, workload: Workload, options: RunOptions): Promise<Sample> {
  return (await runRounds(target, workload, options).next()).value;
}
