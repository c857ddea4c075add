import type { Clock } from '@coxswain/host';
import type { Pod } from 'kubernetes-types/core/v1';
import type { SchedulerCache } from '../cache/cache.ts';
import type { Framework } from '../framework/framework.ts';
import { gangReport, type Gangs } from '../gangs/gangs.ts';
import { coschedulingName } from '../plugins/coscheduling/coscheduling.ts';
import type { SchedulingQueue } from '../queue/scheduling-queue.ts';
import type { Storage } from '../storage/storage.ts';
import type { DecisionLog } from './decision-log.ts';
import { explain, explainHeld, type ExplainOptions } from './explain.ts';
import type { Explanation } from './explanation.ts';

/** All that is remembered of a pod, oldest first, and last why it is kept out of the queue, if it is. */
export type ExplainPod = (namespace: string, name: string, options: ExplainOptions) => readonly Explanation[];

export interface PodExplainerParts {
  readonly cache: SchedulerCache;
  readonly storage: Storage;
  readonly queue: SchedulingQueue;
  readonly gangs: Gangs;
  readonly decisions: DecisionLog;
  readonly frameworks: ReadonlyMap<string, Framework>;
  readonly clock: Clock;
  readonly podOf: (namespace: string, name: string) => Pod | undefined;
}

function held({ cache, queue, gangs, frameworks, clock, podOf }: PodExplainerParts, namespace: string, name: string): Explanation | undefined {
  const pod = podOf(namespace, name);
  const framework = frameworks.get(pod?.spec?.schedulerName ?? '');
  if (pod === undefined || framework === undefined || !queue.isHeld(pod.metadata?.uid ?? '')) return undefined;
  const { reasons, plugin } = framework.preEnqueue(pod);
  const gang = plugin === coschedulingName ? gangs.of(pod) : undefined;
  return explainHeld(cache.podInfos.of(pod), framework.profileName, clock.nowMs(), cache.nodeCount, reasons.join(', '), gang === undefined ? undefined : gangReport(gang));
}

export function podExplainer(parts: PodExplainerParts): ExplainPod {
  const { cache, storage, queue: { nominations }, decisions, frameworks } = parts;
  return (namespace, name, options) => [
    ...decisions.of(`${namespace}/${name}`).map((record) => explain(frameworks.get(record.profile) as Framework, { cache, storage, nominations }, record, options)), held(parts, namespace, name),
  ].filter((explanation) => explanation !== undefined);
}
