import { createInformerFactory, type Client } from '@coxswain/client';
import { NetworkError, type ByteStream, type DatagramSocket, type Host } from '@coxswain/host';
import { noMetrics, type Metrics, type RunningComponent } from '@coxswain/service';
import { Answerer } from './answerer.ts';
import { ClusterZone } from './cluster/resolve.ts';
import { informerSource } from './cluster/source.ts';
import { makeDnsMetrics } from './dns-metrics.ts';
import { Forwarder } from './forward/forwarder.ts';
import { frame, unframe } from './wire/message.ts';

export interface DnsConfig {
  /** `cluster.local` */
  readonly clusterDomain: string;
  readonly addresses: readonly string[];
  /** 0 chooses a free one (the same for UDP and TCP is then not promised). */
  readonly port: number;
  readonly resolvConf: string;
  readonly ttlSeconds: number;
}

export interface RunningDns extends RunningComponent {
  ready(): string | undefined;
  /** Where it listens. */
  readonly udpPorts: readonly number[];
  readonly tcpPorts: readonly number[];
}

/** A connection on which nothing is asked is closed. */
const tcpIdleMs = 10_000;

async function serveDatagrams(host: Host, socket: DatagramSocket, answerer: Answerer): Promise<void> {
  for await (const { data, address, port } of socket.messages) {
    const respond = async (): Promise<void> => {
      const response = await answerer.answer(data, 'udp');
      if (response !== undefined) await socket.send(response, address, port);
    };
    // Not awaited: a slow resolver must not hold up the next question.
    respond().catch((error: unknown) => host.log.debug('answer was not sent', { address, error: String(error) }));
  }
}

async function serveConnection(host: Host, stream: ByteStream, answerer: Answerer): Promise<void> {
  let idle = host.timers.after(tcpIdleMs, () => stream.destroy());
  try {
    for await (const message of unframe(stream.readable)) {
      idle.cancel();
      const response = await answerer.answer(message, 'tcp');
      if (response !== undefined) await stream.write(frame(response));
      idle = host.timers.after(tcpIdleMs, () => stream.destroy());
    }
    await stream.end();
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error;
  } finally {
    idle.cancel();
    stream.destroy();
  }
}

/** Names of the cluster's Services and pods for everybody in it; all other names by way of the machine's resolvers. */
export async function startDns(config: DnsConfig, host: Host, client: Client, metrics: Metrics = noMetrics): Promise<RunningDns> {
  const stopping = new AbortController();
  const factory = createInformerFactory(host, client);
  const source = informerSource(factory);
  const zone = new ClusterZone(source, { domain: config.clusterDomain.toLowerCase().replaceAll(/^\.|\.$/g, ''), ttlSeconds: config.ttlSeconds });
  const upstream = new Forwarder(host, { resolvConf: config.resolvConf, own: new Set(config.addresses.map((address) => `${address}:${config.port}`)) });
  const answerer = new Answerer({ source, zone, upstream, random: host.random, metrics: makeDnsMetrics(metrics, host.clock) });
  const sockets = await Promise.all(config.addresses.map((address) => host.network.bindDatagram({ address, port: config.port })));
  const listeners = await Promise.all(config.addresses.map((address) => host.network.serveStream({ address, port: config.port }, (stream) => {
    serveConnection(host, stream, answerer).catch((error: unknown) => host.log.warn('connection failed', { peer: stream.peer.address, error: String(error) }));
  })));
  host.log.info('answering', { addresses: config.addresses, port: config.port, domain: zone.domain });
  const synced = factory.start(stopping.signal);
  synced.catch((error: unknown) => host.log.error('informers failed', { error: String(error) }));
  const serving = Promise.all(sockets.map((socket) => serveDatagrams(host, socket, answerer)));
  const failed = serving.then(() => new Promise<never>(() => undefined));
  failed.catch(() => undefined);
  return {
    failed,
    udpPorts: sockets.map(({ port }) => port),
    tcpPorts: listeners.map(({ port }) => port),
    async stop() {
      stopping.abort();
      await Promise.all([...sockets.map((socket) => socket.close()), ...listeners.map((listener) => listener.close())]);
    },
    ready: () => (source.hasSynced ? undefined : 'informers have not synced'),
  };
}
