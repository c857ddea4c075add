import { append } from '@coxswain/host';
import { keyOfObject } from '@coxswain/client';
import type { Namespace } from 'kubernetes-types/core/v1';
import { podGroupLabel, type PodGroup } from '../../gangs/pod-group.ts';
import { placementOf, type Placement } from './placement.ts';
import { percentiles, type Percentiles } from './statistics.ts';
import type { Target, WatchedProcess } from './target.ts';
import { makeNode, makePod, makeService, nodeTemplates, podTemplates, runLabel, type NodeTemplateName, type PodTemplateName } from './templates.ts';
import { giveVolume, makeCsiNode } from './volumes.ts';
import { countOf, type ChurnTemplate, type Op, type Workload } from './workloads.ts';

export interface ProcessUse { readonly name: string; readonly cpuSeconds: number; readonly cpuMsPerPod: number; readonly residentMb: number }

/** One measured createPods. */
export interface Sample {
  readonly pods: number;
  /** From the first creation to the last binding; of a drained queue from when the scheduler goes on, or if it is started anew, from the first binding. */
  readonly seconds: number;
  readonly podsPerSecond: number;
  readonly bySecond: readonly number[];
  /** undefined for a drained queue: its pods waited for the scheduler. */
  readonly createToBoundMs: Percentiles | undefined;
  readonly decisionMs: Percentiles | undefined;
  readonly processes: readonly ProcessUse[];
  readonly placement: Placement;
}

export interface RunOptions {
  /** The measured pods are there before the scheduler begins. */
  readonly drain: boolean;
  /** Give up when no pod was bound for so long. */
  readonly idleMs: number;
}

const defaultNamespace = 'namespace-1';

/** Carries one workload's operations out, in order. */
class Run {
  readonly #target: Target;
  readonly #workload: Workload;
  readonly #options: RunOptions;
  readonly #keysOf = new Map<PodTemplateName, Set<string>>();
  readonly #nodes: ReturnType<typeof makeNode>[] = [];
  readonly #background = new AbortController();
  readonly #works: Promise<void>[] = [];
  #made = 0;
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
      this.#background.abort();
      await Promise.all(this.#works);
    }
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
      case 'createService': await this.#target.createService(makeService(op.namespace ?? defaultNamespace, 'bench')); return;
      case 'deletePods': this.#beside(this.#deletePods(op)); return;
      case 'churn': this.#beside(this.#churn(op)); return;
      case 'barrier':
        for (const [template, keys] of this.#keysOf) if (!isGated(template)) await this.#wait(keys);
        return;
    }
  }

  async #createNodes({ count, nodeTemplate = 'node-default', zones = [], mixedWith = [], csi }: Extract<Op, { opcode: 'createNodes' }>): Promise<void> {
    const first = this.#nodes.length;
    const templates = [nodeTemplate, ...mixedWith];
    const nodes = Array.from({ length: this.#count(count) }, (_, at) => {
      const zone: Readonly<Record<string, string>> = zones.length === 0 ? {} : { 'topology.kubernetes.io/zone': zones[at % zones.length] as string };
      return makeNode(templates[at % templates.length] as NodeTemplateName, nodeTemplate === 'node-with-name' ? 'scheduler-perf-node' : `scheduler-perf-${first + at}`, zone);
    });
    append(this.#nodes, nodes);
    await this.#target.createNodes(nodes);
    if (csi !== undefined) await this.#target.createCsiNodes(nodes.map(({ metadata }) => makeCsiNode(metadata?.name ?? '', csi === 'migrated')));
  }

  /** Templates in turn. */
  #makePods(templates: readonly PodTemplateName[], namespace: string, count: number): ReturnType<typeof makePod>[] {
    return Array.from({ length: count }, (_, at) => {
      this.#made += 1;
      return makePod(templates[at % templates.length] as PodTemplateName, namespace, `pod-${this.#made}`, this.#target.schedulerName);
    });
  }

  async #createPods(op: Extract<Op, { opcode: 'createPods' }>): Promise<void> {
    const templates = [op.podTemplate, ...op.mixedWith ?? []];
    const pods = this.#makePods(templates, op.namespace ?? defaultNamespace, this.#count(op.count));
    const { volume } = op;
    if (volume !== undefined) await this.#target.createVolumes(pods.map((pod) => giveVolume(pod, volume)));
    if (op.gangsOf !== undefined) await this.#group(pods, op.gangsOf);
    const keys = new Set(pods.map(keyOfObject));
    for (const [at, template] of templates.entries()) {
      const own = pods.filter((_, which) => which % templates.length === at).map(keyOfObject);
      this.#keysOf.set(template, (this.#keysOf.get(template) ?? new Set<string>()).union(new Set(own)));
    }
    if (op.collectMetrics === true) { await this.#measure(pods, keys, op.podTemplate); return; }
    await this.#target.createPods(pods);
    if (op.skipWaitToCompletion !== true) await this.#wait(keys);
  }

  /** The groups are there before their pods. */
  async #group(pods: readonly ReturnType<typeof makePod>[], size: number): Promise<void> {
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

  async #measure(pods: readonly ReturnType<typeof makePod>[], keys: ReadonlySet<string>, template: PodTemplateName): Promise<void> {
    const target = this.#target;
    const { drain } = this.#options;
    target.decisionTimes();
    let startMs: number;
    let uses: Uses;
    if (drain) {
      await target.pause();
      await target.createPods(pods);
      [startMs, uses] = [performance.now(), new Uses(target.processes())];
      await target.resume();
      await this.#wait(keys, 1);
      if (!target.resumesAtOnce) [startMs, uses] = [performance.now(), new Uses(target.processes())];
    } else {
      [startMs, uses] = [performance.now(), new Uses(target.processes())];
      await target.createPods(pods);
    }
    await this.#wait(keys);
    const used = uses.since(pods.length);
    const { createdMs, boundMs } = target.binds.timesOf(keys);
    const fromMs = drain && !target.resumesAtOnce ? boundMs.reduce((first, ms) => Math.min(first, ms), startMs) : startMs;
    const seconds = (boundMs.reduce((last, ms) => Math.max(last, ms), fromMs) - fromMs) / 1000;
    const decisionMs = target.decisionTimes();
    this.sample = {
      pods: pods.length, seconds, podsPerSecond: pods.length / seconds, bySecond: bySecond(boundMs, fromMs), processes: used,
      createToBoundMs: drain ? undefined : percentiles(boundMs.map((ms, at) => ms - (createdMs[at] as number))),
      decisionMs: decisionMs === undefined ? undefined : percentiles(decisionMs),
      placement: placementOf(this.#nodes, this.#placed(), template),
    };
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

  #beside(work: Promise<void>): void {
    this.#works.push(work);
    // The measurement goes on; the end of the run tells of it.
    work.catch(() => undefined);
  }

  /** Resolves with false when the run is over. */
  #pause(ms: number): Promise<boolean> {
    const { signal } = this.#background;
    if (signal.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const timer = setTimeout(() => { resolve(true); }, ms);
      signal.addEventListener('abort', () => { clearTimeout(timer); resolve(false); }, { once: true });
    });
  }

  async #deletePods({ of, deletePodsPerSecond }: Extract<Op, { opcode: 'deletePods' }>): Promise<void> {
    for (const key of this.#keysOf.get(of) ?? []) {
      if (!(await this.#pause(1000 / deletePodsPerSecond))) return;
      const [namespace, name] = key.split('/') as [string, string];
      await this.#target.deletePod(namespace, name);
    }
  }

  async #churn({ mode, templates, intervalMilliseconds, number = Infinity }: Extract<Op, { opcode: 'churn' }>): Promise<void> {
    let made: (() => Promise<void>)[] = [];
    for (let turn = 0; ; turn += 1) {
      if (!(await this.#pause(intervalMilliseconds))) return;
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
    const [pod] = this.#makePods([template], defaultNamespace, 1) as [ReturnType<typeof makePod>];
    await target.createPods([pod]);
    return () => target.deletePod(defaultNamespace, pod.metadata?.name ?? '');
  }
}

function isNodeTemplate(template: ChurnTemplate): template is NodeTemplateName {
  return Object.hasOwn(nodeTemplates, template);
}

function isGated(template: PodTemplateName): boolean {
  return 'schedulingGates' in podTemplates[template].spec;
}

/** Processor time of several processes from now on. */
class Uses {
  readonly #processes: readonly WatchedProcess[];
  readonly #before: readonly number[];

  constructor(processes: readonly WatchedProcess[]) {
    this.#processes = processes;
    this.#before = processes.map((one) => one.cpuSeconds());
  }

  since(pods: number): readonly ProcessUse[] {
    return this.#processes.map((one, at) => {
      const cpuSeconds = one.cpuSeconds() - (this.#before[at] as number);
      return { name: one.name, cpuSeconds, cpuMsPerPod: (cpuSeconds * 1000) / pods, residentMb: one.residentMb() };
    });
  }
}

function bySecond(boundMs: readonly number[], fromMs: number): readonly number[] {
  const counts: number[] = [];
  for (const ms of boundMs) {
    const second = Math.max(0, Math.floor((ms - fromMs) / 1000));
    while (counts.length <= second) counts.push(0);
    counts[second] = (counts[second] as number) + 1;
  }
  return counts;
}

export async function runWorkload(target: Target, workload: Workload, options: RunOptions): Promise<Sample> {
  const run = new Run(target, workload, options);
  await run.all();
  if (run.sample === undefined) throw new Error(`workload ${workload.name} measures nothing`);
  return run.sample;
}
