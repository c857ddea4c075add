import type { FlagSet } from '@coxswain/service';

/** Flags of kube-apiserver 1.32 that are known here but not built. */
const names = `
allow-metric-labels allow-metric-labels-manifest cloud-config egress-selector-config-file enable-logs-handler
kubelet-port peer-advertise-ip peer-advertise-port peer-ca-file service-account-signing-endpoint
`;

export const unbuiltFlags: FlagSet = Object.fromEntries(names.trim().split(/\s+/).map((name) => [name, { kind: 'unbuilt', help: 'A flag of kube-apiserver.' }]));
