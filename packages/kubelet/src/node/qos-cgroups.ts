import type { Pod } from 'kubernetes-types/core/v1';
import type { Host } from '@coxswain/host';
import { messageOf } from '../api-types.ts';
import type { KubeletConfig } from '../config.ts';
import { isTerminalPhase } from '../pod/pod-facts.ts';
import { milliCpuToShares, podRequest, qosCgroupPath, qosClass } from '../pod/resources.ts';
import { milliValue, wholeValue } from '../quantity.ts';
import type { CgroupLimits, NodeCgroups } from '../system.ts';

const updatePeriodMs = 60_000;

/** Limits of the three groups above the pods': all pods together stay within what is allocatable, and a class weighs what its pods asked for. */
export function qosLimits(pods: readonly Pod[], allocatable: Readonly<Record<string, string>>): Readonly<Record<'Guaranteed' | 'Burstable' | 'BestEffort', CgroupLimits>> {
  const burstable = pods.filter((pod) => !isTerminalPhase(pod) && qosClass(pod) === 'Burstable');
  const milliCpu = burstable.reduce((sum, pod) => sum + Math.ceil(podRequest(pod, 'cpu') * 1000), 0);
  return {
    Guaranteed: { cpuShares: milliCpuToShares(milliValue(allocatable['cpu'])), memoryBytes: wholeValue(allocatable['memory']) },
    Burstable: { cpuShares: milliCpuToShares(milliCpu) },
    BestEffort: { cpuShares: milliCpuToShares(0) },
  };
}

/** Keeps those groups in order, until `signal` aborts. */
export async function maintainQosCgroups(config: KubeletConfig, host: Host, cgroups: NodeCgroups, allocatable: Readonly<Record<string, string>>, pods: () => readonly Pod[], signal: AbortSignal): Promise<void> {
  while (config.cgroupsPerQos && !signal.aborted) {
    try {
      const limits = qosLimits(pods(), allocatable);
      for (const qos of ['Guaranteed', 'Burstable', 'BestEffort'] as const) await cgroups.ensure(qosCgroupPath(config.cgroupRoot, qos), limits[qos]);
    } catch (error) {
      host.log.warn('cgroups of the pods are not in order', { error: messageOf(error) });
    }
    await host.timers.sleep(updatePeriodMs, signal);
  }
}
