import { fromUtf8, readAll, utf8, type ClientTls, type Host } from '@coxswain/host';
import type { Container, Pod } from 'kubernetes-types/core/v1';
import type { NodeInfo } from '../cache/node-info.ts';
import type { PodInfo } from '../cache/pod-info.ts';
import { maxNodeScore } from '../framework/interface.ts';
import {
  bindingArgs, extenderArgs, preemptionArgs, readBindingError, readFilterResult, readPreemptionResult, readPriorities, type FilterAnswer, type MetaVictims, type ToldVictims,
} from './wire.ts';

/** One of `extenders` of a KubeSchedulerConfiguration, its files read. A verb that is '' is not offered. */
export interface ExtenderConfig {
  readonly urlPrefix: string;
  readonly filterVerb: string;
  readonly prioritizeVerb: string;
  readonly preemptVerb: string;
  readonly bindVerb: string;
  readonly weight: number;
  readonly timeoutMs: number;
  readonly nodeCacheCapable: boolean;
  readonly ignorable: boolean;
  readonly managedResources: readonly string[];
  readonly tls: ClientTls | undefined;
}

type Verb = 'filterVerb' | 'prioritizeVerb' | 'preemptVerb' | 'bindVerb';

/** An extender's scores end here; a plugin's at 100. */
const maxExtenderPriority = 10;
const maxAnswerBytes = 256 * 1024 ** 2;

function asksFor(resources: ReadonlySet<string>, containers: readonly Container[] | undefined): boolean {
  return (containers ?? []).some((container) => [container.resources?.requests, container.resources?.limits]
    .some((list) => Object.keys(list ?? {}).some((name) => resources.has(name))));
}

/** A program that has a say in decisions. Every call ends within `timeoutMs`, and rejects with what went wrong. */
export class HttpExtender {
  readonly config: ExtenderConfig;
  readonly #host: Pick<Host, 'network' | 'timers'>;
  readonly #managed: ReadonlySet<string>;

  constructor(config: ExtenderConfig, host: Pick<Host, 'network' | 'timers'>) {
    this.config = config;
    this.#host = host;
    this.#managed = new Set(config.managedResources);
  }

  has(verb: Verb): boolean { return this.config[verb] !== ''; }

  /** Of pods that ask for one of its resources, or of all if it has none. */
  isInterestedIn({ spec }: Pod): boolean {
    return this.#managed.size === 0 || asksFor(this.#managed, spec?.containers) || asksFor(this.#managed, spec?.initContainers);
  }

  async filter(pod: PodInfo, nodes: readonly NodeInfo[]): Promise<FilterAnswer> {
    const { nodeCacheCapable, urlPrefix } = this.config;
    const answer = readFilterResult(await this.#ask('filterVerb', extenderArgs(pod.pod, nodes, nodeCacheCapable)), nodeCacheCapable);
    if (answer.error !== '') throw new Error(answer.error);
    const asked = new Set(nodes.map(({ name }) => name));
    const stranger = answer.nodeNames?.find((name) => !asked.has(name));
    if (stranger !== undefined) throw new Error(`extender ${JSON.stringify(urlPrefix)} claims a filtered node ${JSON.stringify(stranger)} which is not found in the input node list`);
    return answer;
  }

  /** Weighted, on the scale of plugins. */
  async scores(pod: PodInfo, nodes: readonly NodeInfo[]): Promise<readonly (readonly [nodeName: string, points: number])[]> {
    const { nodeCacheCapable, weight } = this.config;
    const priorities = readPriorities(await this.#ask('prioritizeVerb', extenderArgs(pod.pod, nodes, nodeCacheCapable)));
    return priorities.map(([host, score]) => [host, score * weight * (maxNodeScore / maxExtenderPriority)] as const);
  }

  async preempt(pod: PodInfo, candidates: readonly ToldVictims[]): Promise<ReadonlyMap<string, MetaVictims>> {
    return readPreemptionResult(await this.#ask('preemptVerb', preemptionArgs(pod.pod, candidates, this.config.nodeCacheCapable)));
  }

  async bind(pod: PodInfo, nodeName: string): Promise<void> {
    const error = readBindingError(await this.#ask('bindVerb', bindingArgs(pod, nodeName)));
    if (error !== '') throw new Error(error);
  }

  async #ask(verb: Verb, body: string): Promise<unknown> {
    const url = `${this.config.urlPrefix.replace(/\/+$/, '')}/${this.config[verb]}`;
    const { timers } = this.#host;
    const over = new AbortController();
    const timer = timers.after(this.config.timeoutMs, () => { over.abort(); });
    try {
      return await this.#post(url, this.config[verb], body, over.signal);
    } catch (error) {
      if (over.signal.aborted) throw new Error(`Post ${JSON.stringify(url)}: context deadline exceeded (Client.Timeout exceeded while awaiting headers)`);
      throw error;
    } finally {
      timer.cancel();
    }
  }

  async #post(url: string, action: string, body: string, signal: AbortSignal): Promise<unknown> {
    const { tls } = this.config;
    let response;
    try {
      response = await this.#host.network.fetch({ url, method: 'POST', headers: { 'content-type': 'application/json' }, body: utf8(body), signal, ...(tls === undefined ? {} : { tls }) });
    } catch (error) {
      throw new Error(`Post ${JSON.stringify(url)}: ${error instanceof Error ? error.message : String(error)}`);
    }
    const answer = await readAll(response.body, maxAnswerBytes);
    if (response.status !== 200) throw new Error(`failed ${action} with extender at URL ${url}, code ${response.status}`);
    return JSON.parse(fromUtf8(answer)) as unknown;
  }
}
