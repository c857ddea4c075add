import { UsageError, type FlagValues } from '@coxswain/service';
import type { ProtectionConfig } from '../protection.ts';

export function flowControlConfig(values: FlagValues): Pick<ProtectionConfig, 'enablePriorityAndFairness' | 'maxRequestsInflight' | 'maxMutatingRequestsInflight' | 'debugPaths'> {
  const reads = values.int('max-requests-inflight');
  const writes = values.int('max-mutating-requests-inflight');
  const fair = values.bool('enable-priority-and-fairness');
  if (fair && reads + writes === 0) throw new UsageError('--max-requests-inflight and --max-mutating-requests-inflight must add up to something positive');
  return { enablePriorityAndFairness: fair, maxRequestsInflight: reads, maxMutatingRequestsInflight: writes, debugPaths: values.bool('profiling') };
}
