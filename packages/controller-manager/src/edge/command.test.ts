import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resources } from '@coxswain/client';
import { fromUtf8, readAll } from '@coxswain/host';
import { parseFlags } from '@coxswain/service';
import { expect, test } from 'vitest';
import { startTestCluster } from '../testing/cluster.ts';
import { command } from './command.ts';

test('the command reads its files, works with its accounts\' rights, answers health, and gives the lease back', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'coxswain-manager-'));
  const cluster = await startTestCluster();
  try {
    writeFileSync(join(folder, 'kubeconfig'), JSON.stringify({
      'current-context': 'c', contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }], clusters: [{ name: 'k', cluster: { server: cluster.url } }], users: [{ name: 'u', user: { token: 'manager' } }],
    }));
    writeFileSync(join(folder, 'ca.crt'), 'THE CA');
    const port = 20_000 + (cluster.host.random.uint32() % 10_000);
    const args = ['--kubeconfig', join(folder, 'kubeconfig'), '--root-ca-file', join(folder, 'ca.crt'), '--use-service-account-credentials', '--bind-address=127.0.0.1', `--secure-port=${port}`];
    const running = await command.start(parseFlags(command.flags, args), cluster.host);
    const published = await cluster.until(resources.configmaps, { namespace: 'kube-system', name: 'kube-root-ca.crt' }, (found) => found !== undefined);
    expect(published?.data).toEqual({ 'ca.crt': 'THE CA' });
    const health = await cluster.host.network.fetch({ url: `http://127.0.0.1:${port}/healthz`, method: 'GET' });
    expect([health.status, fromUtf8(await readAll(health.body))]).toEqual([200, 'ok']);
    const lease = { namespace: 'kube-system', name: 'kube-controller-manager' };
    expect((await cluster.admin.get(resources.leases, lease)).spec?.holderIdentity).toContain('_');
    await running.stop();
    expect((await cluster.admin.get(resources.leases, lease)).spec?.holderIdentity ?? '').toBe('');
  } finally {
    await cluster.stop();
    rmSync(folder, { recursive: true });
  }
});
