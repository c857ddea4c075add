import { utf8, type HttpHandler, type HttpRequest, type HttpResponse } from '@coxswain/host';
import type { Metrics } from '@coxswain/service';
import { etcdVersion } from '../version.ts';
import { answerGrpc, isGrpc, type GrpcOptions } from './grpc-handler.ts';
import type { Member } from './member.ts';

function json(status: number, value: object): HttpResponse {
  return { status, headers: { 'content-type': 'application/json' }, body: utf8(JSON.stringify(value)) };
}

/** Health is what a client could do now: a read that a quorum confirms. */
async function health(member: Member): Promise<HttpResponse> {
  const bad = (reason: string): HttpResponse => json(503, { health: 'false', reason });
  const alarm = member.applier.machine.alarms[0];
  if (alarm !== undefined) return bad(alarm.alarm === 1 ? 'ALARM NOSPACE' : 'ALARM CORRUPT');
  if (member.raft.leader === 0n) return bad('RAFT NO LEADER');
  try {
    await member.reads.confirm();
    return json(200, { health: 'true', reason: '' });
  } catch (error) {
    return bad(`RANGE ERROR:${(error as Error).message}`);
  }
}

function versionsOf(member: Member): object {
  const { clusterVersion } = member.applier.machine.versions;
  const agreed = clusterVersion !== '';
  return { etcdserver: etcdVersion, etcdcluster: agreed ? clusterVersion : 'not_decided', storage: agreed ? clusterVersion : 'unknown' };
}

/** /health and /healthz, /livez, /readyz, /metrics and /version, on client and on metrics URLs. */
export function sideHandler(member: Member, metrics: Metrics): HttpHandler {
  return async (request: HttpRequest) => {
    switch (request.target.split('?')[0]) {
      case '/health': case '/healthz': case '/readyz': return health(member);
      case '/livez': return { status: 200, headers: { 'content-type': 'text/plain' }, body: utf8('ok\n') };
      case '/version': return json(200, versionsOf(member));
      case '/metrics': return { status: 200, headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }, body: utf8(await metrics.render()) };
      default: return { status: 404, headers: { 'content-type': 'text/plain' }, body: utf8('404 page not found\n') };
    }
  };
}

/** What a client URL answers: gRPC, and beside it what an operator looks at. */
export function clientHandler(grpc: GrpcOptions, side: HttpHandler): HttpHandler {
  return (request) => (isGrpc(request) ? answerGrpc(grpc, request) : side(request));
}
