import { TermEnded } from '@coxswain/client';
import type { Logger } from '@coxswain/host';
import type { Pod } from 'kubernetes-types/core/v1';
import type { NodeInfo } from '../cache/node-info.ts';
import type { PodInfo } from '../cache/pod-info.ts';
import type { Snapshot } from '../cache/snapshot.ts';
import type { BindPlugin } from '../framework/interface.ts';
import { failed, skip, success, type Status } from '../framework/status.ts';
import type { Leadership } from '../leadership.ts';
import { candidateOf, type Candidate } from '../plugins/default-preemption/candidates.ts';
import type { HttpExtender } from './http-extender.ts';
import type { MetaVictims } from './wire.ts';

/** What is said in their name: who is refused by them waits for any event, since they declare none. */
export const extenderName = 'Extender';

/** For explanations. */
export interface ExtenderRefusal {
  /** Its URL. */
  readonly extender: string;
  readonly reason: string;
}

/** What they said of the nodes that plugins let pass. */
export interface ExtenderReport {
  readonly refused: ReadonlyMap<string, ExtenderRefusal>;
  readonly passed: ReadonlySet<string>;
  readonly points: ReadonlyMap<string, number>;
}

export interface Passed {
  readonly nodes: readonly NodeInfo[];
  /** Nodes for which a reason was given. */
  readonly refused: ReadonlyMap<string, Status>;
  /** Every node that was not let pass, by who did not. */
  readonly by: ReadonlyMap<string, ExtenderRefusal>;
}

/** The extenders of a scheduler, those that may fail last, as upstream asks them. */
export class Extenders {
  readonly #all: readonly HttpExtender[];
  readonly #log: Logger;

  constructor(extenders: readonly HttpExtender[], log: Logger) {
    this.#all = [...extenders.filter(({ config }) => !config.ignorable), ...extenders.filter(({ config }) => config.ignorable)];
    this.#log = log;
  }

  /** Does any have a say in where the pod goes? Costs nothing if there is none. */
  haveSay(pod: Pod): boolean {
    return this.#all.length > 0 && this.#all.some((extender) => (extender.has('filterVerb') || extender.has('prioritizeVerb')) && extender.isInterestedIn(pod));
  }

  /** Does any bind pods itself? */
  get bind(): boolean { return this.#all.some((extender) => extender.has('bindVerb')); }

  #skipped(extender: HttpExtender, error: unknown): void {
    this.#log.info('skipping extender as it returned error and has ignorable flag set', { extender: extender.config.urlPrefix, error: String(error) });
  }

  /** One after the other, each asked of what the one before let pass. Rejects if one that counts cannot answer. */
  async filter(pod: PodInfo, nodes: readonly NodeInfo[]): Promise<Passed> {
    let left = nodes;
    const refused = new Map<string, Status>();
    const by = new Map<string, ExtenderRefusal>();
    for (const extender of this.#all) {
      if (left.length === 0) break;
      if (!extender.has('filterVerb') || !extender.isInterestedIn(pod.pod)) continue;
      try {
        const answer = await extender.filter(pod, left);
        for (const [name, status] of answer.refused) refused.set(name, status);
        const names = new Set(answer.nodeNames);
        for (const { name } of left) if (!names.has(name)) by.set(name, { extender: extender.config.urlPrefix, reason: answer.refused.get(name)?.reasons.join(', ') ?? 'gave no reason' });
        left = left.filter(({ name }) => names.has(name));
      } catch (error) {
        if (!extender.config.ignorable) throw error;
        this.#skipped(extender, error);
      }
    }
    return { nodes: left, refused, by };
  }

  /** Sums by node; who cannot answer gives no points. All are asked at once. */
  async scores(pod: PodInfo, nodes: readonly NodeInfo[]): Promise<ReadonlyMap<string, number>> {
    const sums = new Map<string, number>();
    await Promise.all(this.#all.filter((extender) => extender.has('prioritizeVerb') && extender.isInterestedIn(pod.pod)).map(async (extender) => {
      try {
        for (const [name, points] of await extender.scores(pod, nodes)) sums.set(name, (sums.get(name) ?? 0) + points);
      } catch (error) {
        this.#log.info('no score given by this extender', { extender: extender.config.urlPrefix, pod: pod.key, error: String(error) });
      }
    }));
    return sums;
  }

  /** Candidates that all agree to, with the victims that they name. `snapshot` is asked after each answer. */
  async preempt(pod: PodInfo, candidates: readonly Candidate[], snapshot: () => Snapshot): Promise<readonly Candidate[]> {
    let left = candidates;
    for (const extender of this.#all) {
      if (left.length === 0) break;
      if (!extender.has('preemptVerb') || !extender.isInterestedIn(pod.pod)) continue;
      try {
        left = agreed(extender, await extender.preempt(pod, left), snapshot());
      } catch (error) {
        if (!extender.config.ignorable) throw error;
        this.#skipped(extender, error);
      }
    }
    return left;
  }

  /**
   * Comes before the profile's Bind plugins: the one extender that binds does so for the pods that it is interested in. It is not asked once the
   * term has ended; what it binds after it was asked is its own, and knows no term.
   */
  binder(leadership?: Leadership): BindPlugin {
    return { name: extenderName, bind: async (_state, pod, nodeName) => {
      for (const extender of this.#all) {
        if (!extender.has('bindVerb') || !extender.isInterestedIn(pod.pod)) continue;
        if (leadership !== undefined && leadership.term() === undefined) {
          leadership.lost();
          return { ...failed(new TermEnded()), plugin: extenderName };
        }
        try {
          await extender.bind(pod, nodeName);
          return success;
        } catch (error) {
          if (!extender.config.ignorable) return { ...failed(error), plugin: extenderName };
          this.#skipped(extender, error);
        }
      }
      return skip;
    } };
  }
}

function agreed({ config }: HttpExtender, answer: ReadonlyMap<string, MetaVictims>, snapshot: Snapshot): Candidate[] {
  const out: Candidate[] = [];
  for (const [nodeName, { uids, violations }] of answer) {
    const node = snapshot.node(nodeName);
    if (node === undefined) throw new Error(`nodeinfo not found for node name ${JSON.stringify(nodeName)}`);
    const victims = uids.map((uid) => {
      const victim = node.pods.get(uid);
      if (victim === undefined) throw new Error(`extender: ${config.urlPrefix} claims to preempt pod (UID: ${uid}) on node: ${nodeName}, but the pod is not found on that node`);
      return victim;
    });
    if (victims.length > 0) out.push(candidateOf(nodeName, victims, violations));
    else if (!config.ignorable) throw new Error(`expected at least one victim pod on node ${JSON.stringify(nodeName)}`);
  }
  return out;
}
