import type { FlagSet } from '@coxswain/service';

/** Flags of kube-apiserver 1.32 that are known here but not built. */
const names = `
admission-control allow-metric-labels allow-metric-labels-manifest
cert-dir cloud-config cloud-provider delete-collection-workers disable-http2-serving disabled-metrics
egress-selector-config-file enable-garbage-collector enable-logs-handler external-hostname identity-lease-duration-seconds
identity-lease-renew-interval-seconds kubelet-port kubelet-read-only-port kubelet-timeout kubernetes-service-node-port livez-grace-period master-service-namespace max-connection-bytes-per-sec peer-advertise-ip peer-advertise-port peer-ca-file permit-address-sharing
permit-port-sharing service-account-signing-endpoint show-hidden-metrics-for-version shutdown-watch-termination-grace-period
`;

export const unbuiltFlags: FlagSet = Object.fromEntries(names.trim().split(/\s+/).map((name) => [name, { kind: 'unbuilt', help: 'A flag of kube-apiserver.' }]));
