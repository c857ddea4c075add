import type { Lister } from '@coxswain/client';
import type { ReplicaSet, StatefulSet } from 'kubernetes-types/apps/v1';
import type { Pod, ReplicationController, Service } from 'kubernetes-types/core/v1';
import type { LabelSelector } from 'kubernetes-types/meta/v1';
import type { KeyedSelector } from './plugins/pod-topology-spread/constraints.ts';
import { compileLabelSelector, compileMapSelector, type Labels } from './selectors/labels.ts';

export interface OwnerListers {
  readonly services: Lister<Service>;
  readonly replicaSets: Lister<ReplicaSet>;
  readonly statefulSets: Lister<StatefulSet>;
  readonly replicationControllers: Lister<ReplicationController>;
}

/** Selectors of the Services that select the pod and of the controller that owns it: what default spreading goes by. */
export function owningSelectors(pod: Pod, listers: OwnerListers): KeyedSelector[] {
  const namespace = pod.metadata?.namespace ?? '';
  const labels = pod.metadata?.labels ?? {};
  if (Object.keys(labels).length === 0) return [];
  const selectors: KeyedSelector[] = [];
  for (const service of listers.services.list({ namespace })) {
    const selector = ofMap(service.spec?.selector);
    if (selector.matches(labels)) selectors.push(selector);
  }
  const owner = pod.metadata?.ownerReferences?.find((reference) => reference.controller === true);
  if (owner === undefined) return selectors;
  const key = { namespace, name: owner.name };
  if (owner.kind === 'ReplicaSet') selectors.push(...ofSelector(listers.replicaSets.get(key)?.spec?.selector));
  else if (owner.kind === 'StatefulSet') selectors.push(...ofSelector(listers.statefulSets.get(key)?.spec?.selector));
  else if (owner.kind === 'ReplicationController') {
    const controller = listers.replicationControllers.get(key);
    if (controller !== undefined) selectors.push(ofMap(controller.spec?.selector));
  }
  return selectors;
}

function ofMap(selector: Labels | undefined): KeyedSelector {
  return { key: JSON.stringify(selector ?? null), matches: compileMapSelector(selector) };
}

function ofSelector(selector: LabelSelector | undefined): KeyedSelector[] {
  return selector === undefined ? [] : [{ key: JSON.stringify(['selector', selector]), matches: compileLabelSelector(selector) }];
}
