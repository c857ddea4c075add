import { badRequest } from '@coxswain/api';
import type { Host, HttpResponse } from '@coxswain/host';
import type { Pod } from 'kubernetes-types/core/v1';
import type { Lookup } from '../live-lookup.ts';
import type { ResourceRequest, SubresourceHandler } from '../types.ts';
import { forward } from './forward.ts';
import { containerOf, kubeletOrigin, nodeNameOf, podOf, type KubeletAccess } from './node-location.ts';

type HostPart = Pick<Host, 'network' | 'log'>;
type StreamSubresource = 'exec' | 'attach' | 'portforward';

/** Path and query at the kubelet. */
type KubeletPath = (pod: Pod, query: URLSearchParams) => string;

function podPath(verb: string, pod: Pod, container?: string): string {
  const parts = [pod.metadata?.namespace ?? '', pod.metadata?.name ?? '', ...(container === undefined ? [] : [container])];
  return `/${verb}/${parts.map(encodeURIComponent).join('/')}`;
}

/** The kubelet's names: `input=1` for stdin, and so on. */
function streamQuery(query: URLSearchParams): URLSearchParams {
  const out = new URLSearchParams();
  for (const [from, to] of [['stdin', 'input'], ['stdout', 'output'], ['stderr', 'error'], ['tty', 'tty']] as const) {
    if (['true', '1'].includes(query.get(from) ?? '')) out.set(to, '1');
  }
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

export function streamHandlers(host: HostPart, lookup: Lookup, access: KubeletAccess): readonly SubresourceHandler[] {
  return (['exec', 'attach', 'portforward'] as const).map((subresource) => ({
    group: '',
    resource: 'pods',
    subresource,
    async handle(request: ResourceRequest): Promise<HttpResponse> {
      const { namespace, name, query } = request.info;
      const pod = await podOf(lookup, namespace, name);
      const path = paths[subresource](pod, query);
      const origin = await kubeletOrigin(lookup, access, nodeNameOf(pod));
      if (!request.http.upgradeRequested) throw badRequest('Upgrade request required');
      return forward(host, request.http, { url: origin + path, tls: access.tls });
    },
  }));
}
