import { resources, type Client } from '@coxswain/client';
import type { ConfigMap } from 'kubernetes-types/core/v1';
import { ensure } from './ensure.ts';

export interface AuthenticationInfo {
  readonly clientCaPem?: string | undefined;
  readonly requestHeaderCaPem?: string | undefined;
  readonly requestHeaderAllowedNames: readonly string[];
  readonly requestHeaderUsernameHeaders: readonly string[];
  readonly requestHeaderGroupHeaders: readonly string[];
  readonly requestHeaderExtraHeaders: readonly string[];
}

function dataOf(info: AuthenticationInfo): Record<string, string> {
  const withProxy: Record<string, string> = info.requestHeaderCaPem === undefined ? {} : {
    'requestheader-client-ca-file': info.requestHeaderCaPem,
    'requestheader-allowed-names': JSON.stringify(info.requestHeaderAllowedNames),
    'requestheader-username-headers': JSON.stringify(info.requestHeaderUsernameHeaders),
    'requestheader-group-headers': JSON.stringify(info.requestHeaderGroupHeaders),
    'requestheader-extra-headers-prefix': JSON.stringify(info.requestHeaderExtraHeaders),
  };
  return info.clientCaPem === undefined ? withProxy : { 'client-ca-file': info.clientCaPem, ...withProxy };
}

function certificates(pem: string): string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
}

/** Servers with different authorities may run side by side for a while: certificates are gathered, never replaced. */
function gather(existing: string | undefined, wanted: string): string {
  const have = certificates(existing ?? '');
  const missing = certificates(wanted).filter((one) => !have.includes(one));
  return missing.length === 0 && existing !== undefined ? existing : `${[...have, ...missing].join('\n')}\n`;
}

/** What extension servers need to know to trust the same users as this one. */
export async function publishAuthenticationInfo(client: Client, info: AuthenticationInfo): Promise<void> {
  const data = dataOf(info);
  const wanted: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'extension-apiserver-authentication', namespace: 'kube-system' }, data };
  await ensure(client, resources.configmaps, wanted, (existing) => {
    const merged = { ...existing.data };
    for (const [key, value] of Object.entries(data)) merged[key] = key.endsWith('client-ca-file') ? gather(merged[key], value) : value;
    return JSON.stringify(merged) === JSON.stringify(existing.data ?? {}) ? undefined : { ...existing, data: merged };
  });
}
