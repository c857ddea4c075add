/** Labels and annotations on sandboxes and containers, upstream's own, by which a restarted kubelet knows its pods again. */
export const podNameLabel = 'io.kubernetes.pod.name';
export const podNamespaceLabel = 'io.kubernetes.pod.namespace';
export const podUidLabel = 'io.kubernetes.pod.uid';
export const containerNameLabel = 'io.kubernetes.container.name';
export const containerHashLabel = 'io.kubernetes.container.hash';
export const restartCountLabel = 'io.kubernetes.container.restartCount';
export const terminationMessagePathLabel = 'io.kubernetes.container.terminationMessagePath';
export const terminationMessagePolicyLabel = 'io.kubernetes.container.terminationMessagePolicy';
export const podDeletionGracePeriodLabel = 'io.kubernetes.pod.deletionGracePeriod';
export const podTerminationGracePeriodLabel = 'io.kubernetes.pod.terminationGracePeriod';
export const containerPortsLabel = 'io.kubernetes.container.ports';
