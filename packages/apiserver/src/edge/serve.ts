import type { Host, Listener, ServerTls } from '@coxswain/host';
import { Http2Server, serveHandler } from '@coxswain/http2';
import type { RunningComponent } from '@coxswain/service';
import { createMetrics } from '@coxswain/service/edge';
import type { ApiServerConfig } from '../config.ts';
import { gzip } from './gzip.ts';
import { allStores } from '../storage/stores.ts';
import { withoutMetrics } from '../serving/disabled-metrics.ts';
import { createApiServer, type ApiServer } from '../server.ts';

const stopGraceMs = 5000;
/** Of one connection; a client with more watches takes another one. */
const maxConcurrentStreams = 2000;

export interface ServeAt {
  readonly address: string;
  /** 0 chooses a free one. */
  readonly port: number;
  readonly tls: ServerTls;
  /** Of one HTTP/2 connection; 0: the default. */
  readonly maxStreams?: number;
  readonly shutdownDelayMs?: number;
  /** How long watches may take to end. */
  readonly watchGraceMs?: number;
  readonly http1Only?: boolean;
  readonly reusePort?: boolean;
  readonly disabledMetrics?: readonly string[];
}

export interface ServedApiServer extends RunningComponent {
  readonly server: ApiServer;
  readonly listener: Listener;
}

/** HTTP/1.1 (and so every upgrade) stays with Node. */
function http2Of({ handle }: ApiServer, host: Host, maxStreams = 0): Http2Server {
  const onStream = serveHandler(handle, host.log);
  return new Http2Server({ clock: host.clock, timers: host.timers, log: host.log, onStream, maxConcurrentStreams: maxStreams > 0 ? maxStreams : maxConcurrentStreams });
}

/** Listens first, so that the post-start hooks of several servers find each other; resolves when it listens. */
export async function serveApiServer(config: ApiServerConfig, at: ServeAt, host: Host): Promise<ServedApiServer> {
  const server = await createApiServer({ gzip, ...config }, host, { metrics: withoutMetrics(createMetrics(), new Set(at.disabledMetrics)) });
  const listener = await host.network.serveHttp({ address: at.address, port: at.port, tls: at.tls, http2: http2Of(server, host, at.maxStreams), http1Only: at.http1Only ?? false, reusePort: at.reusePort ?? false }, server.handle);
  host.log.info('serving', { address: listener.address, port: listener.port });
  // A hook that cannot finish keeps the server not ready and tries again; only a broken invariant rejects.
  const failed = new Promise<never>((_resolve, reject) => { server.start().then(() => host.log.info('ready'), reject); });
  return {
    server, listener, failed,
    stop: async () => {
      server.beginShutdown();
      if (at.shutdownDelayMs !== undefined && at.shutdownDelayMs > 0) await host.timers.sleep(at.shutdownDelayMs);
      server.refuseNew();
      if (at.watchGraceMs !== undefined && at.watchGraceMs > 0) await server.endWatches(at.watchGraceMs);
      await server.stop();
      await listener.close(stopGraceMs);
      await Promise.all(allStores(config.store, config.otherStores).map((store) => store.close()));
    },
  };
}
