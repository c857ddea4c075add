import { createApiServer, type ApiServerConfig, type PartsConfig } from '@coxswain/apiserver';
import { createClient, createInformerFactory, keyOf, type Client, type InformerFactory, type KubeObject, type ObjectKey, type ResourceType } from '@coxswain/client';
import { createLocalStore } from '@coxswain/etcd-lite';
import { silentLogger, type Host } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { defaultConfig, type ControllerManagerConfig } from '../config.ts';
import { startControllerManager, type ControllerManager } from '../manager.ts';
import { accountToken } from '../service-account-client.ts';

/** Made for tests; signs nothing else. */
const signingKeyPem = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg2vfoLTP6X/UF6xDJ
osAhQmAxpk7cWG2j8TbSayNiptShRANCAAQDXVwhMZqFiVtP+dzw3vXuLNwojO1O
+u3qaKsf0EHDbuj6qWj0yYkU5xjub58spgQmB/dlwe09BkkbjUUYsKsH
-----END PRIVATE KEY-----
`;

const unverified = { insecureSkipVerify: true };

const parts: PartsConfig = {
  hostname: 'test-host', serverId: 'server-1', authorizationModes: ['Node', 'RBAC'], alwaysAllowPaths: ['/healthz'], anonymousAuth: false,
  tokenAuthFile: { path: 'tokens.csv', text: 'admin,admin,admin,"system:masters"\nmanager,system:kube-controller-manager,manager\nbootstrap,system:bootstrap:abcdef,b,"system:bootstrappers"\nnode,system:node:n1,n,"system:nodes"\n' },
  enableBootstrapTokenAuth: true, serviceAccountIssuers: ['https://kubernetes.default.svc.cluster.local'], serviceAccountSigningKeyPem: signingKeyPem, serviceAccountKeyPems: [],
  serviceAccountMaxExpirationSeconds: 0, apiAudiences: [], enableAdmissionPlugins: [], disableAdmissionPlugins: [], defaultNotReadyTolerationSeconds: 300,
  defaultUnreachableTolerationSeconds: 300, serviceClusterIpRanges: ['10.96.0.0/16'], serviceNodePortRange: '30000-32767', advertiseAddress: '192.0.2.1', securePort: 6443,
  kubeletTls: () => unverified, kubeletPreferredAddressTypes: ['InternalIP'],
  authenticationInfo: { clientCaPem: undefined, requestHeaderAllowedNames: [], requestHeaderUsernameHeaders: [], requestHeaderGroupHeaders: [], requestHeaderExtraHeaders: [] },
};

export interface TestCluster {
  readonly host: Host;
  readonly url: string;
  readonly admin: Client;
  readonly signal: AbortSignal;
  readonly informers: InformerFactory;
  as(token: string): Client;
  /** With its own service accounts, so that RBAC is tested too. */
  startManager(config?: Partial<ControllerManagerConfig>): Promise<ControllerManager>;
  /** Resolves when the object (undefined: gone) satisfies the test. */
  until<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey, test: (object: T | undefined) => boolean): Promise<T | undefined>;
  /** Resolves when the objects of the resource satisfy the test. */
  untilAll<T extends KubeObject>(type: ResourceType<T>, namespace: string, test: (objects: readonly T[]) => boolean): Promise<readonly T[]>;
  stop(): Promise<void>;
}

/** The real API server over a store in memory, with nothing but controllers. */
export async function startTestCluster(log = silentLogger, more: Pick<Partial<ApiServerConfig>, 'isServed'> & Pick<PartsConfig, 'features'> = {}, host: Host = createRealHost(log)): Promise<TestCluster> {
  const store = createLocalStore(host);
  const server = await createApiServer({ store, parts: { ...parts, features: more.features }, isServed: more.isServed }, host);
  await server.start();
  const listener = await host.network.serveHttp({ address: '127.0.0.1', port: 0 }, (request) => server.handle(request));
  const url = `http://127.0.0.1:${listener.port}`;
  const as = (token: string): Client => createClient(host, { server: url, bearerToken: token, userAgent: 'test' });
  const admin = as('admin');
  const stopping = new AbortController();
  const managers: ControllerManager[] = [];
  const informers = createInformerFactory(host, admin);
  const untilAll: TestCluster['untilAll'] = async (type, namespace, test) => {
    const informer = informers.informer(type);
    const { promise, resolve } = Promise.withResolvers<void>();
    const check = (): void => { if (informer.hasSynced && test(informer.lister.list({ namespace }))) resolve(); };
    informer.addHandler({ added: check, updated: check, deleted: check });
    await informers.start(stopping.signal);
    check();
    await promise;
    return informer.lister.list({ namespace });
  };
  return {
    host, url, admin, as, signal: stopping.signal, informers, untilAll,
    async startManager(config = {}) {
      const own = as('manager');
      const forAccount = (account: string): Client => createClient(host, { server: url, bearerToken: accountToken(host, own, account), userAgent: account });
      const manager = await startControllerManager({ ...defaultConfig, leaderElection: { ...defaultConfig.leaderElection, retryPeriodMs: 200 }, ...config }, host, { own, forAccount });
      managers.push(manager);
      return manager;
    },
    async until(type, key, test) {
      const find = (objects: readonly KubeObject[]): KubeObject | undefined => objects.find((object) => keyOf({ namespace: object.metadata?.namespace, name: object.metadata?.name ?? '' }) === keyOf(key));
      return find(await untilAll(type, key.namespace ?? '', (objects) => test(find(objects) as typeof objects[number] | undefined))) as never;
    },
    async stop() {
      await Promise.all(managers.map((manager) => manager.stop()));
      stopping.abort();
      await listener.close();
      await server.stop();
      await store.close();
    },
  };
}
