import { isMap, isSeq, parseDocument, stringify } from 'yaml';

export interface KubeconfigUser {
  readonly certPem?: string;
  readonly keyPem?: string;
  readonly token?: string;
}

function base64(text: string): string {
  return new TextEncoder().encode(text).toBase64();
}

/** A kubeconfig with everything inside it, so that it can be moved. */
export function kubeconfig(server: string, caPem: string, userName: string, user: KubeconfigUser): string {
  return stringify({
    apiVersion: 'v1', kind: 'Config', 'current-context': 'coxswain',
    clusters: [{ name: 'coxswain', cluster: { server, 'certificate-authority-data': base64(caPem) } }],
    contexts: [{ name: 'coxswain', context: { cluster: 'coxswain', user: userName } }],
    users: [{
      name: userName,
      user: {
        ...(user.certPem === undefined ? {} : { 'client-certificate-data': base64(user.certPem) }),
        ...(user.keyPem === undefined ? {} : { 'client-key-data': base64(user.keyPem) }),
        ...(user.token === undefined ? {} : { token: user.token }),
      },
    }],
  }, { lineWidth: 0 });
}

/** The same kubeconfig for another server; undefined if it has that server already. */
export function withServer(text: string, server: string): string | undefined {
  const document = parseDocument(text);
  const clusters = document.get('clusters');
  let changed = false;
  for (const entry of isSeq(clusters) ? clusters.items : []) {
    if (!isMap(entry) || entry.getIn(['cluster', 'server']) === server) continue;
    entry.setIn(['cluster', 'server'], server);
    changed = true;
  }
  return changed ? document.toString({ lineWidth: 0 }) : undefined;
}
