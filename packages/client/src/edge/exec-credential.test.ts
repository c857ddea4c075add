import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { loadKubeconfig } from './index.ts';

const directory = mkdtempSync(join(tmpdir(), 'exec-credential-'));
afterAll(() => rmSync(directory, { recursive: true }));

function kubeconfig(script: string): string {
  const path = join(directory, 'config');
  writeFileSync(join(directory, 'plugin'), `#!/bin/sh\n${script}\n`);
  chmodSync(join(directory, 'plugin'), 0o755);
  writeFileSync(path, `
current-context: c
contexts: [{name: c, context: {cluster: k, user: u}}]
clusters: [{name: k, cluster: {server: "https://10.0.0.1:6443"}}]
users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin, args: [a], env: [{name: WHO, value: me}], provideClusterInfo: true, interactiveMode: Never}}}]
`);
  return path;
}

const status = (fields: string): string => `echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{${fields}}}'`;

test('a program that prints a token is asked again when the token has run out', async () => {
  const log = join(directory, 'log');
  const config = await loadKubeconfig(kubeconfig(`echo "$1 $WHO $KUBERNETES_EXEC_INFO" >> ${log}\n${status('"token":"t","expirationTimestamp":"2020-01-01T00:00:00Z"')}`));
  expect(await (config.bearerToken as () => Promise<string>)()).toBe('t');
  const runs = readFileSync(log, 'utf8').trim().split('\n');
  expect(runs).toHaveLength(2);
  expect(runs[0]).toBe('a me {"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":false,"cluster":{"server":"https://10.0.0.1:6443"}}}');
});

test('a certificate', async () => {
  const config = await loadKubeconfig(kubeconfig(status('"clientCertificateData":"C","clientKeyData":"K"')));
  expect(config.tls).toEqual({ certPem: 'C', keyPem: 'K' });
  expect(config.bearerToken).toBeUndefined();
});

test('a program that does not do it is one clear line', async () => {
  for (const [script, text] of [['exit 3', 'exec: ./plugin: Command failed'], ['echo x', 'printed no JSON'], ['echo "{}"', 'printed no ExecCredential of'], [status(''), 'neither a token nor a certificate']] as const) {
    await expect(loadKubeconfig(kubeconfig(script))).rejects.toThrow(text);
  }
});
