import type { Container, Pod } from 'kubernetes-types/core/v1';
import type { Crypto } from '@coxswain/host';
import { utf8 } from '@coxswain/host';
import type { KubeletConfig } from '../config.ts';
import type { ContainerConfig, CriMount, Image } from '../cri/types.ts';
import { expand } from './env.ts';
import {
  containerHashLabel, containerNameLabel, containerPortsLabel, podDeletionGracePeriodLabel, podNameLabel, podNamespaceLabel, podTerminationGracePeriodLabel,
  podUidLabel, restartCountLabel, terminationMessagePathLabel, terminationMessagePolicyLabel,
} from './labels.ts';
import { specOf, uidOf } from './pod-facts.ts';
import { containerResources } from './resources.ts';
import { containerSecurity } from './security.ts';

/** Changes with what upstream restarts a container for: its name and its image. */
export function containerHash(crypto: Crypto, container: Container): string {
  const digest = crypto.hash('sha256', utf8(JSON.stringify([container.name, container.image])));
  return Array.from(digest.slice(0, 4), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export interface ContainerInput {
  readonly pod: Pod;
  readonly container: Container;
  readonly image: Image;
  readonly config: KubeletConfig;
  readonly nodeMemoryBytes: number;
  readonly attempt: number;
  readonly env: ReadonlyMap<string, string>;
  readonly mounts: readonly CriMount[];
  readonly hash: string;
  /** Of the container whose processes this one shall see. */
  readonly targetId: string | undefined;
}

function annotations(input: ContainerInput): Record<string, string> {
  const { pod, container } = input;
  const grace = pod.metadata?.deletionGracePeriodSeconds;
  return {
    [containerHashLabel]: input.hash,
    [restartCountLabel]: String(input.attempt),
    [terminationMessagePathLabel]: container.terminationMessagePath ?? '/dev/termination-log',
    [terminationMessagePolicyLabel]: container.terminationMessagePolicy ?? 'File',
    [podTerminationGracePeriodLabel]: String(specOf(pod).terminationGracePeriodSeconds ?? 30),
    ...(grace === undefined ? {} : { [podDeletionGracePeriodLabel]: String(grace) }),
    ...((container.ports ?? []).length === 0 ? {} : { [containerPortsLabel]: JSON.stringify(container.ports) }),
  };
}

export function containerConfig(input: ContainerInput): ContainerConfig {
  const { pod, container, config } = input;
  const expanded = (values: readonly string[] | undefined): string[] => (values ?? []).map((value) => expand(value, input.env));
  return {
    metadata: { name: container.name, attempt: input.attempt },
    image: { image: input.image.id, userSpecifiedImage: container.image ?? '' },
    command: expanded(container.command),
    args: expanded(container.args),
    workingDir: container.workingDir ?? '',
    envs: [...input.env].map(([key, value]) => ({ key, value })),
    mounts: [...input.mounts],
    devices: [],
    labels: {
      [containerNameLabel]: container.name, [podNameLabel]: pod.metadata?.name ?? '', [podNamespaceLabel]: pod.metadata?.namespace ?? '', [podUidLabel]: uidOf(pod),
    },
    annotations: annotations(input),
    logPath: `${container.name}/${input.attempt}.log`,
    stdin: container.stdin === true,
    stdinOnce: container.stdinOnce === true,
    tty: container.tty === true,
    linux: {
      resources: containerResources(pod, container, input.nodeMemoryBytes, { enabled: config.cpuCfsQuota, periodUs: config.cpuCfsQuotaPeriodUs }),
      securityContext: containerSecurity(pod, container, input.image, { seccompDefault: config.seccompDefault, seccompRoot: `${config.rootDir}/seccomp` }, input.targetId),
    },
  };
}
