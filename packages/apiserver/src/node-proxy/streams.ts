import { badRequest } from '@coxswain/api';
import type { Host, HttpResponse } from '@coxswain/host';
import type { Pod } from 'kubernetes-types/core/v1';
import type { Lookup } from '../live-lookup.ts';
import type { ResourceRequest, SubresourceHandler } from '../types.ts';
import { isWebSocketRequest, type ExecStreams, type SpdyHeaderCodec } from '@coxswain/streaming';
import { forward } from './forward.ts';
import { containerOf, kubeletOrigin, nodeNameOf, podOf, type KubeletAccess } from './node-location.ts';
import { queryFlag } from './query-flag.ts';
import { translateExec, tunnelPortForward, wantsPortForwardTunnel } from './web-socket.ts';

type HostPart = Pick<Host, 'network' | 'log' | 'crypto'>;
type StreamSubresource = 'exec' | 'attach' | 'portforward';

/** Path and query at the kubelet. */
type KubeletPath = (pod: Pod, query: URLSearchParams) => string;

function podPath(verb: string, pod: Pod, container?: string): string {
  const parts = [pod.metadata?.namespace ?? '', pod.metadata?.name ?? '', ...(container === undefined ? [] : [container])];
  return `/${verb}/${parts.map(encodeURIComponent).join('/')}`;
}

function streamsOf(query: URLSearchParams): ExecStreams {
  const wants = (name: string): boolean => queryFlag(query, name);
  return { stdin: wants('stdin'), stdout: wants('stdout'), stderr: wants('stderr'), tty: wants('tty') };
}

const kubeletNames: Readonly<Record<keyof ExecStreams, string>> = { stdin: 'input', stdout: 'output', stderr: 'error', tty: 'tty' };

/** The kubelet's names: `input=1` for stdin, and so on. */
function streamQuery(query: URLSearchParams): URLSearchParams {
  const out = new URLSearchParams();
  for (const [stream, wanted] of Object.entries(streamsOf(query))) if (wanted) out.set(kubeletNames[stream as keyof ExecStreams], '1');
  for (const command of query.getAll('command')) out.append('command', command);
  return out;
}

const paths: Readonly<Record<StreamSubresource, KubeletPath>> = {
  exec: (pod, query) => {
    if (query.getAll('command').length === 0) throw badRequest('you must specify at least one command for the container');
    return `${podPath('exec', pod, containerOf(pod, query.get('container') ?? ''))}?${streamQuery(query).toString()}`;
  },
  attach: (pod, query) => `${podPath('attach', pod, containerOf(pod, query.get('container') ?? ''))}?${streamQuery(query).toString()}`,
  portforward: (pod, query) => {
    const ports = query.getAll('ports').filter((port) => port !== '');
    return `${podPath('portForward', pod)}${ports.length === 0 ? '' : `?${new URLSearchParams(ports.map((port) => ['port', port])).toString()}`}`;
  },
};

/**
 * SPDY goes through as bytes. WebSocket is translated to SPDY here, because runtimes speak its newer protocols late or never; without
 * a codec (there is none in simulation) it goes through as bytes too.
 */
export function streamHandlers(host: HostPart, lookup: Lookup, access: KubeletAccess, codec: (() => SpdyHeaderCodec) | undefined): readonly SubresourceHandler[] {
  return (['exec', 'attach', 'portforward'] as const).map((subresource) => ({
    group: '',
    resource: 'pods',
    subresource,
    async handle({ http, info }: ResourceRequest): Promise<HttpResponse> {
      const pod = await podOf(lookup, info.namespace, info.name);
      const path = paths[subresource](pod, info.query);
      const origin = await kubeletOrigin(lookup, access, nodeNameOf(pod));
      if (!http.upgradeRequested) throw badRequest('Upgrade request required');
      const target = { url: origin + path, tls: access.tls };
      if (subresource === 'portforward') return wantsPortForwardTunnel(http) ? tunnelPortForward(host, http, target) : forward(host, http, target);
      if (codec === undefined || !isWebSocketRequest(http)) return forward(host, http, target);
      return translateExec(host, http, target, streamsOf(info.query), codec);
    },
  }));
}
