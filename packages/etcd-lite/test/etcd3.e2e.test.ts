import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Etcd3 } from 'etcd3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isInstalled, StoreCluster, type StoreKind } from '../src/edge/bench/cluster.ts';
import { scenarios, type Context, type Scenario } from './compat/etcd3-scenarios.ts';

const missing = ['etcd', 'openssl'].filter((name) => !isInstalled(name));
if (missing.length > 0) console.log(`skipped: ${missing.join(' and ')} not installed`);

function connect(cluster: StoreCluster, auth: { readonly username: string; readonly password: string } | undefined, endpoints: readonly string[] = cluster.endpoints): Etcd3 {
  const files = cluster.certificates;
  const credentials = files === undefined ? {} : { credentials: { rootCertificate: readFileSync(files.ca), privateKey: readFileSync(files.clientKey), certChain: readFileSync(files.clientCert) } };
  // grpc-js takes no address for a server's name.
  return new Etcd3({ hosts: endpoints.map((endpoint) => endpoint.replace('https://127.0.0.1', 'https://localhost')), ...credentials, ...(auth === undefined ? {} : { auth }) });
}

async function play(cluster: StoreCluster, scenario: Scenario): Promise<unknown> {
  const opened: Etcd3[] = [];
  const open: Context['connect'] = (auth, endpoints) => {
    const client = connect(cluster, auth, endpoints);
    opened.push(client);
    return client;
  };
  try {
    return await scenario.run({ client: open(), cluster, connect: open });
  } catch (error) {
    throw new Error(`${cluster.options.kind}: ${(error as Error).message}`, { cause: error });
  } finally {
    for (const client of opened) client.close();
  }
}

describe.skipIf(missing.length > 0)('the etcd3 package finds etcd-lite as it finds etcd', () => {
  let parent: string;
  beforeAll(() => { parent = mkdtempSync(join(tmpdir(), 'etcd3-')); });
  afterAll(() => { rmSync(parent, { recursive: true, force: true }); });

  for (const [size, tls] of [[1, false], [3, true]] as const) {
    describe(`${size} ${size === 1 ? 'member' : 'members'}, ${tls ? 'mutual TLS' : 'plaintext'}`, () => {
      const clusters: StoreCluster[] = [];
      beforeAll(async () => {
        clusters.push(...await Promise.all((['etcd', 'etcd-lite'] as const).map((kind: StoreKind) => StoreCluster.start({ kind, size, tls, parent }))));
      });
      afterAll(async () => { await Promise.all(clusters.map((cluster) => cluster.remove())); });

      it.for(scenarios.map((scenario) => [scenario.name, scenario] as const))('%s', { timeout: 60_000 }, async ([, scenario]) => {
        const [theirs, ours] = await Promise.all(clusters.map((cluster) => play(cluster, scenario)));
        expect(theirs).toBeDefined();
        expect(ours).toEqual(theirs);
      });
    });
  }
});
