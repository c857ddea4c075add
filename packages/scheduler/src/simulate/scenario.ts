import type { Node, Pod, Taint } from 'kubernetes-types/core/v1';
import type { PriorityClass } from 'kubernetes-types/scheduling/v1';
import { UsageError } from '@coxswain/service';
import type { ClusterState } from './cluster-state.ts';

/** What is to be changed before the scheduler runs. */
export interface Scenario {
  readonly addNodes?: readonly { readonly like: string; readonly count: number; readonly namePrefix?: string; readonly labels?: Readonly<Record<string, string>>; readonly allocatable?: Readonly<Record<string, string>> }[];
  /** Their pods are to be placed again, as controllers would make them again. */
  readonly removeNodes?: readonly string[];
  readonly taint?: readonly { readonly node: string; readonly taints: readonly Taint[] }[];
  readonly cordon?: readonly string[];
  readonly uncordon?: readonly string[];
  readonly addPods?: readonly { readonly template: Pod; readonly count: number; readonly namespace?: string; readonly namePrefix?: string }[];
  /** `namespace/name` */
  readonly removePods?: readonly string[];
  /** Pods taken off their nodes and placed again: `namespace/name`, or `*` for all. */
  readonly reschedule?: readonly string[];
}

function keyOf({ metadata }: Pod): string {
  return `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
}

/** As if it had just been created. */
function pending(pod: Pod, name = pod.metadata?.name ?? '', namespace = pod.metadata?.namespace ?? 'default'): Pod {
  const { nodeName: _node, ...spec } = pod.spec ?? { containers: [] };
  const { deletionTimestamp: _deleted, resourceVersion: _version, ...metadata } = pod.metadata ?? {};
  return { ...pod, metadata: { ...metadata, name, namespace, uid: `simulated-${namespace}-${name}` }, spec: { schedulerName: 'default-scheduler', ...spec }, status: { phase: 'Pending' } };
}

class Changes {
  readonly nodes: Map<string, Node>;
  readonly pods: Map<string, Pod>;
  readonly #classes: readonly PriorityClass[];

  constructor(state: ClusterState) {
    this.nodes = new Map((state.get('nodes') as readonly Node[]).map((node) => [node.metadata?.name ?? '', node]));
    this.pods = new Map((state.get('pods') as readonly Pod[]).map((pod) => [keyOf(pod), pod]));
    this.#classes = (state.get('priorityclasses') ?? []) as readonly PriorityClass[];
  }

  /** As admission would: by its class, or by the one for all that name none. */
  #prioritised(pod: Pod): Pod {
    const { priority, priorityClassName } = pod.spec ?? {};
    if (priority !== undefined) return pod;
    const found = this.#classes.find(({ metadata, globalDefault }) => (priorityClassName === undefined ? globalDefault === true : metadata?.name === priorityClassName));
    if (found === undefined && priorityClassName !== undefined) throw new UsageError(`scenario: there is no PriorityClass ${priorityClassName}; a pod may have its priority as a number`);
    const preemptionPolicy = found?.preemptionPolicy === undefined ? {} : { preemptionPolicy: found.preemptionPolicy };
    return { ...pod, spec: { ...preemptionPolicy, containers: [], ...pod.spec, priority: found?.value ?? 0 } };
  }

  node(name: string): Node {
    const node = this.nodes.get(name);
    if (node === undefined) throw new UsageError(`scenario: there is no node ${name}`);
    return node;
  }

  pod(key: string): Pod {
    const pod = this.pods.get(key);
    if (pod === undefined) throw new UsageError(`scenario: there is no pod ${key} (namespace/name)`);
    return pod;
  }

  addNodes(scenario: Scenario): void {
    for (const { like, count, namePrefix = `${like}-new-`, labels, allocatable } of scenario.addNodes ?? []) {
      const model = this.node(like);
      for (let i = 1; i <= count; i += 1) {
        const name = `${namePrefix}${i}`;
        if (this.nodes.has(name)) throw new UsageError(`scenario: there is a node ${name} already; give another namePrefix`);
        this.nodes.set(name, {
          ...model, metadata: { ...model.metadata, name, uid: `simulated-${name}`, labels: { ...model.metadata?.labels, 'kubernetes.io/hostname': name, ...labels } },
          status: { ...model.status, allocatable: { ...model.status?.allocatable, ...allocatable } },
        });
      }
    }
  }

  changeNodes(scenario: Scenario): void {
    for (const { node: name, taints } of scenario.taint ?? []) {
      const node = this.node(name);
      this.nodes.set(name, { ...node, spec: { ...node.spec, taints: [...(node.spec?.taints ?? []), ...taints] } });
    }
    for (const [names, unschedulable] of [[scenario.cordon, true], [scenario.uncordon, false]] as const) {
      for (const name of names ?? []) this.nodes.set(name, { ...this.node(name), spec: { ...this.node(name).spec, unschedulable } });
    }
    for (const name of scenario.removeNodes ?? []) {
      this.node(name);
      this.nodes.delete(name);
      for (const [key, pod] of this.pods) if (pod.spec?.nodeName === name) this.#again(key, pod);
    }
  }

  /** Pods of a daemon set go with their node. */
  #again(key: string, pod: Pod): void {
    if (pod.metadata?.ownerReferences?.some(({ kind, controller }) => controller === true && kind === 'DaemonSet') === true) this.pods.delete(key);
    else this.pods.set(key, pending(pod));
  }

  changePods(scenario: Scenario): void {
    for (const key of scenario.removePods ?? []) { this.pod(key); this.pods.delete(key); }
    for (const wanted of scenario.reschedule ?? []) {
      if (wanted === '*') for (const [key, pod] of this.pods) this.pods.set(key, pending(pod));
      else this.pods.set(wanted, pending(this.pod(wanted)));
    }
    for (const { template, count, namespace = template.metadata?.namespace ?? 'default', namePrefix = `${template.metadata?.name ?? 'new'}-` } of scenario.addPods ?? []) {
      for (let i = 1; i <= count; i += 1) {
        const pod = pending(this.#prioritised(template), `${namePrefix}${i}`, namespace);
        if (this.pods.has(keyOf(pod))) throw new UsageError(`scenario: there is a pod ${keyOf(pod)} already; give another namePrefix`);
        this.pods.set(keyOf(pod), pod);
      }
    }
  }
}

/** The state as the scenario wants it. A name that is not there is a mistake. */
export function changed(state: ClusterState, scenario: Scenario): ClusterState {
  const changes = new Changes(state);
  changes.addNodes(scenario);
  changes.changeNodes(scenario);
  changes.changePods(scenario);
  return new Map([...state, ['nodes', [...changes.nodes.values()]], ['pods', [...changes.pods.values()]]]);
}
