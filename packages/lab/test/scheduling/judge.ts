import type { Node, Pod } from 'kubernetes-types/core/v1';
import { foreignScheduler, hostPort, milliCpuOf, stableNodes, zoneOf } from './cluster.ts';
import type { Fact } from './log.ts';
import type { Sent } from './wire.ts';

/**
 * For how long a scheduler may go on with what a node was before it was changed: the longest cut or pause and the time in which a dead
 * connection is noticed. Upstream has the same window, and checks nothing of a node when a pod is bound to it.
 */
const newsMs = 40_000;

type Owner = 'default' | 'foreign' | 'nobody';

interface Placed { readonly pod: Pod; readonly node: string; readonly owner: Owner }
interface NodeState { readonly node: Node | undefined; untilMs: number }

export interface Judgement {
  readonly faults: readonly string[];
  readonly bound: number;
  readonly leaders: number;
  /** Sent by a leader, stored by nobody since another one led. */
  readonly fencedOff: number;
}

function termsOf(pod: Pod): readonly { readonly topologyKey: string; readonly role: string }[] {
  return (pod.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map(({ topologyKey, labelSelector }) => ({ topologyKey, role: labelSelector?.matchLabels?.['role'] ?? '' }));
}

function sameDomain(topologyKey: string, a: string, b: string): boolean {
  return topologyKey === 'kubernetes.io/hostname' ? a === b : zoneOf(a) === zoneOf(b);
}

function repels(one: Placed, other: Placed): boolean {
  return termsOf(one.pod).some(({ topologyKey, role }) => other.pod.metadata?.labels?.['role'] === role && sameDomain(topologyKey, one.node, other.node));
}

function hasPort(pod: Pod): boolean {
  return pod.spec?.containers[0]?.ports?.some((port) => port.hostPort === hostPort) === true;
}

/** Replays the log: nothing but what the store says, and who has sent which binding. */
class Replay {
  readonly faults: string[] = [];
  readonly leaders = new Set<string>();
  bound = 0;
  readonly #sent = new Map<string, readonly Sent[]>();
  readonly #placed = new Map<string, Placed>();
  /** Where each pod was ever bound. */
  readonly #everBound = new Map<string, string>();
  readonly #nodes = new Map<string, NodeState[]>();
  #holder = '';
  #former = new Set<string>();

  constructor(sent: readonly Sent[]) {
    this.#sent = Map.groupBy(sent, ({ uid, node }) => `${uid} ${node}`);
  }

  take(fact: Fact): void {
    if (fact.kind === 'node') this.#takeNode(fact);
    else if (fact.kind === 'lease') this.#takeLease(fact);
    else this.#takePod(fact);
  }

  #takeNode({ name, now, seenMs }: Fact & { readonly kind: 'node' }): void {
    const states = this.#nodes.get(name) ?? [];
    const last = states.at(-1);
    if (last !== undefined) last.untilMs = seenMs;
    states.push({ node: now, untilMs: Number.POSITIVE_INFINITY });
    this.#nodes.set(name, states);
  }

  #takeLease({ name, now }: Fact & { readonly kind: 'lease' }): void {
    const holder = now?.spec?.holderIdentity ?? '';
    if (name !== 'kube-scheduler' || holder === this.#holder) return;
    if (this.#holder !== '') this.#former.add(this.#holder);
    this.#holder = holder;
    if (holder !== '') this.leaders.add(holder);
  }

  #takePod(fact: Fact & { readonly kind: 'pod' }): void {
    const { name, now, revision } = fact;
    const before = this.#placed.get(name);
    const uid = now?.metadata?.uid ?? '';
    const node = now?.spec?.nodeName ?? '';
    if (before !== undefined && (now === undefined || before.pod.metadata?.uid !== uid)) this.#placed.delete(name);
    if (now === undefined || node === '') return;
    const first = this.#everBound.get(uid);
    if (first !== undefined) {
      if (first !== node) this.faults.push(`${name} was bound to ${first}, and at ${revision} to ${node}`);
      return;
    }
    this.#everBound.set(uid, node);
    this.#bind(fact, { pod: now, node, owner: this.#ownerOf(now, node) });
  }

  #ownerOf(pod: Pod, node: string): Owner {
    if (!this.#sent.has(`${pod.metadata?.uid} ${node}`)) return 'nobody';
    return pod.spec?.schedulerName === foreignScheduler ? 'foreign' : 'default';
  }

  #bind(fact: Fact & { readonly kind: 'pod' }, placed: Placed): void {
    this.bound += 1;
    if (placed.owner === 'default') this.#checkFence(fact, placed);
    if (placed.owner !== 'nobody') this.#checkRoom(fact, placed);
    this.#placed.set(fact.name, placed);
  }

  #checkFence({ revision, name }: Fact, { pod, node }: Placed): void {
    const holders = (this.#sent.get(`${pod.metadata?.uid} ${node}`) ?? []).map(({ holder }) => holder);
    if (holders.every((holder) => this.#former.has(holder))) this.faults.push(`${name} was bound at ${revision} to ${node} by ${holders.join(', ')} though ${this.#holder} leads`);
  }

  /** As the node was within the time in which nobody need have heard of its change; of stable nodes there is only one state. */
  #states(name: string, atMs: number): readonly (Node | undefined)[] {
    return (this.#nodes.get(name) ?? []).filter(({ untilMs }) => untilMs > atMs - newsMs).map(({ node }) => node);
  }

  #checkRoom({ revision, seenMs, name }: Fact, placed: Placed): void {
    const { node, owner, pod } = placed;
    const states = this.#states(node, seenMs).filter((state) => state !== undefined);
    const say = (what: string): void => { this.faults.push(`${name} was bound at ${revision} to ${node}: ${what}`); };
    if (states.length === 0) { say('there is no such node'); return; }
    if (states.every((state) => state.spec?.unschedulable === true)) say('it is cordoned');
    const others = [...this.#placed.values()].filter((other) => other.owner === owner);
    const here = others.filter((other) => other.node === node);
    const used = here.reduce((sum, other) => sum + milliCpuOf(other.pod), milliCpuOf(pod));
    const most = Math.max(...states.map(milliCpuOf));
    if (used > most) say(`${used}m of ${most}m cpu are used, by ${here.map((other) => other.pod.metadata?.name).join(', ')}`);
    if (hasPort(pod) && here.some((other) => hasPort(other.pod))) say('its port is taken');
    const enemy = others.find((other) => this.#stands(other, node) && (repels(placed, other) || repels(other, placed)));
    if (enemy !== undefined) say(`it must be apart from ${enemy.pod.metadata?.name} on ${enemy.node}`);
  }

  /** A pod on a node that was gone for a while is in no zone meanwhile, and a scheduler may still think so. */
  #stands(other: Placed, node: string): boolean {
    return other.node === node || (stableNodes as readonly string[]).includes(other.node);
  }
}

export function judge(facts: readonly Fact[], sent: readonly Sent[]): Judgement {
  const replay = new Replay(sent);
  for (const fact of facts) replay.take(fact);
  const everBound = new Set(facts.filter((fact) => fact.kind === 'pod').map((fact) => `${fact.now?.metadata?.uid} ${fact.now?.spec?.nodeName}`));
  return { faults: replay.faults, bound: replay.bound, leaders: replay.leaders.size, fencedOff: new Set(sent.map(({ uid, node }) => `${uid} ${node}`).filter((key) => !everBound.has(key))).size };
}
