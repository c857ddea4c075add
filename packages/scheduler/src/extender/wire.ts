import type { Node, Pod } from 'kubernetes-types/core/v1';
import type { NodeInfo } from '../cache/node-info.ts';
import { unresolvable, unschedulable, type Status } from '../framework/status.ts';

/**
 * k8s.io/kube-scheduler/extender/v1 as JSON. Its types have no tags: names are written as Go writes them, and read whatever their
 * case, as Go reads them; many extenders answer in lower case.
 */
class MalformedAnswer extends Error {}

function asObject(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (value === null || value === undefined) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new MalformedAnswer(`${what} is no object`);
  return value as Readonly<Record<string, unknown>>;
}

function asList(value: unknown, what: string): readonly unknown[] {
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value)) throw new MalformedAnswer(`${what} is no list`);
  return value;
}

function asString(value: unknown, what: string): string {
  if (value === null || value === undefined) return '';
  if (typeof value !== 'string') throw new MalformedAnswer(`${what} is no string`);
  return value;
}

function asInteger(value: unknown, what: string): number {
  if (value === null || value === undefined) return 0;
  if (!Number.isInteger(value)) throw new MalformedAnswer(`${what} is no whole number`);
  return value as number;
}

function field(object: Readonly<Record<string, unknown>>, name: string): unknown {
  if (Object.hasOwn(object, name)) return object[name];
  const wanted = name.toLowerCase();
  const key = Object.keys(object).find((other) => other.toLowerCase() === wanted);
  return key === undefined ? undefined : object[key];
}

export interface FilterAnswer {
  /** Those that passed; undefined if the answer names none at all, which is none. */
  readonly nodeNames: readonly string[] | undefined;
  readonly refused: ReadonlyMap<string, Status>;
  readonly error: string;
}

function failures(value: unknown, what: string, statusOf: (message: string) => Status): (readonly [string, Status])[] {
  return Object.entries(asObject(value, what)).map(([node, message]) => [node, statusOf(asString(message, what))] as const);
}

/** ExtenderFilterResult. Who is in both maps of failures is beyond help. */
export function readFilterResult(value: unknown, nodeCacheCapable: boolean): FilterAnswer {
  const result = asObject(value, 'ExtenderFilterResult');
  const names = field(result, 'NodeNames');
  const nodes = field(result, 'Nodes');
  const items = nodes === null || nodes === undefined ? undefined : asList(field(asObject(nodes, 'Nodes'), 'items'), 'Nodes.items');
  const given = nodeCacheCapable && names !== null && names !== undefined
    ? asList(names, 'NodeNames').map((name) => asString(name, 'NodeNames'))
    : items?.map((item) => asString(field(asObject((item as Node).metadata, 'metadata'), 'name'), 'metadata.name'));
  return {
    nodeNames: given,
    refused: new Map([
      ...failures(field(result, 'FailedNodes'), 'FailedNodes', unschedulable),
      ...failures(field(result, 'FailedAndUnresolvableNodes'), 'FailedAndUnresolvableNodes', unresolvable),
    ]),
    error: asString(field(result, 'Error'), 'Error'),
  };
}

/** HostPriorityList. */
export function readPriorities(value: unknown): readonly (readonly [host: string, score: number])[] {
  return asList(value, 'HostPriorityList').map((item) => {
    const priority = asObject(item, 'HostPriority');
    return [asString(field(priority, 'Host'), 'Host'), asInteger(field(priority, 'Score'), 'Score')] as const;
  });
}

export interface MetaVictims {
  readonly uids: readonly string[];
  readonly violations: number;
}

/** ExtenderPreemptionResult, by name of node. */
export function readPreemptionResult(value: unknown): ReadonlyMap<string, MetaVictims> {
  const byNode = asObject(field(asObject(value, 'ExtenderPreemptionResult'), 'NodeNameToMetaVictims'), 'NodeNameToMetaVictims');
  return new Map(Object.entries(byNode).map(([node, item]) => {
    const victims = asObject(item, 'MetaVictims');
    const uids = asList(field(victims, 'Pods'), 'Pods').map((pod) => asString(field(asObject(pod, 'MetaPod'), 'UID'), 'UID'));
    return [node, { uids, violations: asInteger(field(victims, 'NumPDBViolations'), 'NumPDBViolations') }];
  }));
}

/** The error in an ExtenderBindingResult; '' is none. */
export function readBindingError(value: unknown): string {
  return asString(field(asObject(value, 'ExtenderBindingResult'), 'Error'), 'Error');
}

/** Nodes change seldom, and are told with every pod. */
const nodeTexts = new WeakMap<Node, string>();

function nodeText(node: Node): string {
  let text = nodeTexts.get(node);
  if (text === undefined) {
    text = JSON.stringify(node);
    nodeTexts.set(node, text);
  }
  return text;
}

/** ExtenderArgs: names for who knows the nodes himself, else the nodes. */
export function extenderArgs(pod: Pod, nodes: readonly NodeInfo[], nodeCacheCapable: boolean): string {
  const podText = JSON.stringify(pod);
  if (nodeCacheCapable) return `{"Pod":${podText},"Nodes":null,"NodeNames":${JSON.stringify(nodes.map(({ name }) => name))}}`;
  return `{"Pod":${podText},"Nodes":{"metadata":{},"items":[${nodes.flatMap(({ node }) => (node === undefined ? [] : [nodeText(node)])).join(',')}]},"NodeNames":null}`;
}

export interface ToldVictims {
  readonly nodeName: string;
  readonly victims: readonly { readonly pod: Pod; readonly uid: string }[];
  readonly violations: number;
}

/** ExtenderPreemptionArgs. */
export function preemptionArgs(pod: Pod, candidates: readonly ToldVictims[], nodeCacheCapable: boolean): string {
  const byNode = (podOf: (victim: ToldVictims['victims'][number]) => unknown): unknown =>
    Object.fromEntries(candidates.map(({ nodeName, victims, violations }) => [nodeName, { Pods: victims.map(podOf), NumPDBViolations: violations }]));
  return JSON.stringify({
    Pod: pod,
    NodeNameToVictims: nodeCacheCapable ? null : byNode((victim) => victim.pod),
    NodeNameToMetaVictims: nodeCacheCapable ? byNode(({ uid }) => ({ UID: uid })) : null,
  });
}

/** ExtenderBindingArgs. */
export function bindingArgs(pod: { readonly name: string; readonly namespace: string; readonly uid: string }, nodeName: string): string {
  return JSON.stringify({ PodName: pod.name, PodNamespace: pod.namespace, PodUID: pod.uid, Node: nodeName });
}
