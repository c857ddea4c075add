import { utf8, type Host, type HttpHandler, type HttpRequest, type HttpResponse } from '@coxswain/host';
import { Http2Server, serveHandler } from '@coxswain/http2';
import { etcdVersion } from '../version.ts';
import { guardCertificates, isAllowed, type CertificatePolicy } from './certificate-policy.ts';
import { answerGrpc, isGrpc, type GrpcOptions } from './grpc-handler.ts';
import type { HealthChecks } from './health-checks.ts';
import type { Member } from './member.ts';

function json(status: number, value: object): HttpResponse {
  return { status, headers: { 'content-type': 'application/json' }, body: utf8(JSON.stringify(value)) };
}

function versionsOf(member: Member): object {
  const { clusterVersion } = member.applier.machine.versions;
  const agreed = clusterVersion !== '';
  return { etcdserver: etcdVersion, etcdcluster: agreed ? clusterVersion : 'not_decided', storage: agreed ? clusterVersion : 'unknown' };
}

/** /health, /livez, /readyz, /metrics and /version, on client and on metrics URLs. */
export function sideHandler(member: Member, health: HealthChecks, metrics: { render(): Promise<string> }): HttpHandler {
  return async (request: HttpRequest) => {
    switch (request.target.split('?')[0]) {
      case '/version': return json(200, versionsOf(member));
      case '/metrics': return { status: 200, headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }, body: utf8(await metrics.render()) };
      default: return await health.answer(request) ?? { status: 404, headers: { 'content-type': 'text/plain' }, body: utf8('404 page not found\n') };
    }
  };
}

/** What a client URL answers over HTTP/2: gRPC, and beside it what an operator looks at. Each listener has its own. */
export function clientHttp2(grpc: GrpcOptions, side: HttpHandler, host: Host, policy: () => CertificatePolicy | undefined): Http2Server {
  const other = serveHandler(guardCertificates(side, policy), host.log);
  return new Http2Server({
    clock: host.clock, timers: host.timers, log: host.log,
    onStream: (stream, head, ended, peer) => {
      if (isGrpc(head.headers) && isAllowed(policy(), peer.certificate)) answerGrpc(grpc, stream, head, ended, peer);
      else other(stream, head, ended, peer);
    },
  });
}
