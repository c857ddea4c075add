import { expect, test } from 'vitest';
import { inClusterConfig, parseKubeconfig } from './kubeconfig.ts';

const none = async (path: string): Promise<Uint8Array> => { throw new Error(`no file ${path}`); };

const config = (user: string): string => `
apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: k, user: u, namespace: team}}]
clusters: [{name: k, cluster: {server: "https://10.0.0.1:6443", certificate-authority-data: Q0E=, tls-server-name: kubernetes}}]
users: [{name: u, user: ${user}}]
`;

test('client certificate from data', async () => {
  const result = await parseKubeconfig(config('{client-certificate-data: Q0VSVA==, client-key-data: S0VZ}'), none);
  expect(result).toEqual({ server: 'https://10.0.0.1:6443', namespace: 'team', tls: { caPem: 'CA', certPem: 'CERT', keyPem: 'KEY', serverName: 'kubernetes' } });
});

test('a token file is read for each request', async () => {
  let token = 'one\n';
  const result = await parseKubeconfig(config('{tokenFile: /t}'), async () => new TextEncoder().encode(token));
  const get = result.bearerToken as () => Promise<string>;
  expect(await get()).toBe('one');
  token = 'two';
  expect(await get()).toBe('two');
});

test('what we cannot do is said', async () => {
  await expect(parseKubeconfig(config('{exec: {command: x}}'), none)).rejects.toThrow('user field exec is not supported');
  await expect(parseKubeconfig('{}', none)).rejects.toThrow('current-context is not set');
  await expect(parseKubeconfig('{current-context: x}', none)).rejects.toThrow('no context named "x"');
});

test('in a pod', async () => {
  const files: Record<string, string> = { token: 'T\n', namespace: 'n', 'ca.crt': 'CA' };
  const result = await inClusterConfig({ KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' }, async (path) => new TextEncoder().encode(files[path.split('/').at(-1) ?? '']));
  expect(result.server).toBe('https://[fd00::1]:443');
  expect(result.namespace).toBe('n');
  expect(await (result.bearerToken as () => Promise<string>)()).toBe('T');
});
