import type { Host, Listener } from '@coxswain/host';
import { guardCertificates, type CertificatePolicy } from './certificate-policy.ts';
import type { EtcdConfig } from './config.ts';
import type { GrpcOptions } from './grpc-handler.ts';
import { clientHttp2 } from './http.ts';
import { notFound, webHandler, type WebOptions } from './web.ts';

/** The client URLs, and those that serve the web half alone if there are such; in that order. */
export async function listenForClients(host: Host, config: EtcdConfig, grpc: GrpcOptions, web: WebOptions, policy: () => CertificatePolicy | undefined): Promise<Listener[]> {
  const webOnly = config.clientHttpListeners ?? [];
  const listeners: Listener[] = [];
  for (const options of config.clientListeners) {
    const handler = webOnly.length > 0 ? notFound : webHandler(web, options.tls !== undefined);
    listeners.push(await host.network.serveHttp({ ...options, http2: clientHttp2(grpc, handler, host, policy) }, guardCertificates(handler, policy)));
  }
  for (const options of webOnly) listeners.push(await host.network.serveHttp(options, guardCertificates(webHandler(web, options.tls !== undefined), policy)));
  return listeners;
}
