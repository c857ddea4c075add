import type { EventRecorder } from '@coxswain/client';
import type { Pod } from 'kubernetes-types/core/v1';

type EventType = 'Normal' | 'Warning';

/** Events of one pod; the recorder counts equal ones up. */
export interface PodEvents {
  pod(type: EventType, reason: string, message: string): void;
  container(name: string, type: EventType, reason: string, message: string): void;
}

export function podEvents(recorder: EventRecorder, pod: Pod): PodEvents {
  const reference = { apiVersion: 'v1', kind: 'Pod', metadata: pod.metadata ?? {} };
  const fieldPath = (name: string): string => (pod.spec?.initContainers?.some((container) => container.name === name) === true ? `spec.initContainers{${name}}` : `spec.containers{${name}}`);
  return {
    pod: (type, reason, message) => recorder.event(reference, type, reason, message),
    container: (name, type, reason, message) => recorder.event({ ...reference, fieldPath: fieldPath(name) } as typeof reference, type, reason, message),
  };
}
