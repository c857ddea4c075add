import type { PartsConfig } from '../parts.ts';

/** Made for tests; signs nothing else. */
const signingKeyPem = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg2vfoLTP6X/UF6xDJ
osAhQmAxpk7cWG2j8TbSayNiptShRANCAAQDXVwhMZqFiVtP+dzw3vXuLNwojO1O
+u3qaKsf0EHDbuj6qWj0yYkU5xjub58spgQmB/dlwe09BkkbjUUYsKsH
-----END PRIVATE KEY-----
`;

export const adminToken = 'tok';

const unverified = { insecureSkipVerify: true };

/** As the recorded server was started: Node and RBAC, no anonymous, a static token `tok` of an administrator. */
export function testPartsConfig(overrides: Partial<PartsConfig> = {}): PartsConfig {
  return {
    hostname: 'test-host', serverId: 'server-1',
    authorizationModes: ['Node', 'RBAC'], alwaysAllowPaths: ['/healthz', '/readyz', '/livez'], anonymousAuth: false,
    tokenAuthFile: { path: 'tokens.csv', text: `${adminToken},admin,admin,"system:masters"\nnobody-token,nobody,nobody-uid\nkubelet-token,system:node:n1,n1,"system:nodes"\n` },
    enableBootstrapTokenAuth: true,
    serviceAccountIssuers: ['https://kubernetes.default.svc.cluster.local'],
    serviceAccountSigningKeyPem: signingKeyPem,
    serviceAccountKeyPems: [], serviceAccountMaxExpirationSeconds: 0, apiAudiences: [],
    enableAdmissionPlugins: ['NodeRestriction'], disableAdmissionPlugins: [], defaultNotReadyTolerationSeconds: 300, defaultUnreachableTolerationSeconds: 300,
    serviceClusterIpRanges: ['10.96.0.0/16'], serviceNodePortRange: '30000-32767',
    advertiseAddress: '192.0.2.1', securePort: 6443,
    kubeletTls: () => unverified, kubeletPreferredAddressTypes: ['InternalIP', 'Hostname'],
    authenticationInfo: { clientCaPem: undefined, requestHeaderAllowedNames: [], requestHeaderUsernameHeaders: [], requestHeaderGroupHeaders: [], requestHeaderExtraHeaders: [] },
    ...overrides,
  };
}
