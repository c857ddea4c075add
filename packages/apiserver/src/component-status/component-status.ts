import { StatusError, type JsonObject } from '@coxswain/api';
import type { EtcdClient } from '@coxswain/etcd-lite/client';
import { fromUtf8, readAll, utf8, type Host } from '@coxswain/host';
import { networkText } from '../callouts/failures.ts';

/** Objects that nobody stores: made when they are asked for. */
export interface ComputedObjects {
  /** Said with every answer. */
  readonly warning: string;
  /** Rejects with StatusError. */
  get(name: string): Promise<JsonObject>;
  list(): Promise<readonly JsonObject[]>;
}

export interface ComponentParts {
  readonly host: Pick<Host, 'network' | 'timers'>;
  readonly store: EtcdClient;
}

interface Health {
  readonly status: 'True' | 'False' | 'Unknown';
  readonly message?: string;
  readonly error?: string;
}

type Probe = (parts: ComponentParts) => Promise<Health>;

const probeTimeoutMs = 20_000;
const maxBodyBytes = 10 * 1024;
/** Whoever answers on this machine: nothing secret is sent or believed. */
const unverified = { insecureSkipVerify: true };
const host = '127.0.0.1';

/** Of a component beside this server. */
function local(port: number): Probe {
  return async ({ host: { network, timers } }) => {
    const url = `https://${host}:${port}/healthz`;
    const stop = new AbortController();
    const timer = timers.after(probeTimeoutMs, () => stop.abort());
    try {
      const { status, body } = await network.fetch({ url, method: 'GET', tls: unverified, httpVersion: '1.1', signal: stop.signal, headers: { 'user-agent': 'kube-probe/1.32' } });
      const text = fromUtf8(await readAll(body, maxBodyBytes));
      return status >= 200 && status < 400 ? { status: 'True', message: text } : { status: 'False', message: `HTTP probe failed with statuscode: ${status}` };
    } catch (error) {
      const why = stop.signal.aborted ? 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)' : networkText(error, { hostname: host, port });
      return { status: 'False', message: `Get ${JSON.stringify(url)}: ${why}` };
    } finally {
      timer.cancel();
    }
  };
}

async function storeHealth({ store, host: { timers } }: ComponentParts): Promise<Health> {
  const stop = new AbortController();
  const late = timers.sleep(probeTimeoutMs, stop.signal).then((): Health => ({ status: 'Unknown', error: 'context deadline exceeded' }), (): Health => ({ status: 'Unknown' }));
  const read = store.range({ key: utf8('/registry/health'), countOnly: true }).then((): Health => ({ status: 'True', message: 'ok' }), (error: unknown): Health => ({ status: 'Unknown', error: error instanceof Error ? error.message : String(error) }));
  try {
    return await Promise.race([read, late]);
  } finally {
    stop.abort();
  }
}

/** In upstream's order. */
const components: ReadonlyMap<string, Probe> = new Map([['scheduler', local(10_259)], ['controller-manager', local(10_257)], ['etcd-0', storeHealth]]);

async function statusOf(parts: ComponentParts, name: string, probe: Probe): Promise<JsonObject> {
  const { status, message, error } = await probe(parts);
  return {
    kind: 'ComponentStatus', apiVersion: 'v1', metadata: { name, creationTimestamp: null },
    conditions: [{ type: 'Healthy', status, ...(message === undefined ? {} : { message }), ...(error === undefined ? {} : { error }) }],
  };
}

/** What became of the scheduler, the controllers and the store, asked at their ports. Upstream has long wanted to be rid of it. */
export function componentStatuses(parts: ComponentParts): ComputedObjects {
  return {
    warning: 'v1 ComponentStatus is deprecated in v1.19+',
    get: (name) => {
      const probe = components.get(name);
      return probe === undefined ? Promise.reject(new StatusError('', `Component not found: ${name}`)) : statusOf(parts, name, probe);
    },
    list: () => Promise.all([...components].map(([name, probe]) => statusOf(parts, name, probe))),
  };
}
