/** Metrics call a queue as upstream's controllers do. Where upstream has no such queue it is called like the controller. */
const upstreamNames: Readonly<Record<string, string>> = {
  'certificatesigningrequest-approving-controller': 'certificate', 'certificatesigningrequest-signing-controller': 'certificate', 'clusterrole-aggregation-controller': 'ClusterRoleAggregator',
  'cronjob-controller': 'cronjob', 'daemonset-controller': 'daemonset', 'deployment-controller': 'deployment', 'disruption-controller': 'disruption', 'disruption-controller-marked': 'stale_pod_disruption',
  'endpoints-controller': 'endpoint', 'endpointslice-controller': 'endpoint_slice', 'endpointslice-mirroring-controller': 'endpoint_slice_mirroring', 'ephemeral-volume-controller': 'ephemeral_volume',
  'garbage-collector-controller-attempts': 'garbage_collector_attempt_to_delete', 'garbage-collector-controller-orphans': 'garbage_collector_attempt_to_orphan', 'job-controller': 'job',
  'namespace-controller': 'namespace', 'node-ipam-controller': 'cidrallocator_node', 'persistentvolume-binder-controller-claims': 'claims', 'persistentvolume-binder-controller-volumes': 'volumes',
  'persistentvolume-protection-controller': 'pvprotection', 'persistentvolumeclaim-protection-controller': 'pvcprotection', 'replicaset-controller': 'replicaset', 'replicationcontroller-controller': 'replicationmanager',
  'resourcequota-controller': 'resourcequota_primary', 'root-ca-certificate-publisher-controller': 'root_ca_cert_publisher', 'serviceaccount-controller': 'serviceaccount', 'statefulset-controller': 'statefulset',
  'taint-eviction-controller': 'noexec_taint_pod', 'token-cleaner-controller': 'token_cleaner', 'ttl-after-finished-controller': 'ttl_jobs_to_delete', 'validatingadmissionpolicy-status-controller': 'validatingadmissionpolicy-status',
};

export function queueName(name: string): string {
  return upstreamNames[name] ?? name;
}
