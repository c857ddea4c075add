import type { FlagSet } from '@coxswain/service';

export const flowControlFlags: FlagSet = {
  'enable-priority-and-fairness': { kind: 'bool', default: true, help: 'Requests wait in fair queues by FlowSchema and PriorityLevelConfiguration. False: they are refused at two plain limits.' },
  'max-requests-inflight': { kind: 'int', default: 400, min: 0, help: 'With --max-mutating-requests-inflight: the seats that priority levels share. Without priority and fairness: non-mutating requests in flight before others are refused with 429; 0: no limit.' },
  'max-mutating-requests-inflight': { kind: 'int', default: 200, min: 0, help: 'As --max-requests-inflight, for mutating requests.' },
  profiling: { kind: 'bool', default: false, help: 'Serve /debug/api_priority_and_fairness/. There is no other profile to be had over the network.' },
  'contention-profiling': { kind: 'ignored', of: 'bool', help: 'Of Go\'s runtime; without meaning here.' },
};
