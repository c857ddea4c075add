import type { QueueSortPlugin } from '../../framework/interface.ts';

/** Higher priority first, then who waits longer. */
export const prioritySort: QueueSortPlugin = {
  name: 'PrioritySort',
  less: (a, b) => a.podInfo.priority > b.podInfo.priority
    || (a.podInfo.priority === b.podInfo.priority && a.timestampMs < b.timestampMs),
};
