import type { Host, HttpRequest, HttpResponse } from '@coxswain/host';
import type { KubeletView } from '../kubelet.ts';
import { newest } from '../pod/runtime-state.ts';
import { readLogs, type LogOptions } from './log-reader.ts';
import { plain } from './answers.ts';

function parseOptions(query: URLSearchParams, nowMs: number): LogOptions | string {
  const integer = (name: string): number | undefined => {
    const text = query.get(name);
    return text === null ? -1 : /^\d+$/.test(text) ? Number(text) : undefined;
  };
  const tailLines = query.get('tailLines') === 'all' ? -1 : integer('tailLines');
  const limitBytes = integer('limitBytes');
  const sinceSeconds = integer('sinceSeconds');
  if (tailLines === undefined || limitBytes === undefined || sinceSeconds === undefined) return 'Unable to decode query.';
  const sinceTime = query.get('sinceTime');
  const sinceMs = sinceTime !== null ? Date.parse(sinceTime) : sinceSeconds >= 0 ? nowMs - sinceSeconds * 1000 : 0;
  if (Number.isNaN(sinceMs)) return 'Unable to decode query.';
  return { follow: query.get('follow') === 'true', tailLines, limitBytes, sinceMs, timestamps: query.get('timestamps') === 'true' };
}

/** GET /containerLogs/{namespace}/{pod}/{container} */
export async function containerLogs(view: KubeletView, host: Host, request: HttpRequest, parts: readonly string[], query: URLSearchParams): Promise<HttpResponse> {
  const [namespace = '', podName = '', containerName = ''] = parts;
  const options = parseOptions(query, host.clock.nowMs());
  if (typeof options === 'string') return plain(400, options);
  const worker = view.worker(namespace, podName);
  if (worker === undefined) return plain(404, `pod ${JSON.stringify(podName)} does not exist\n`);
  const known = [...(worker.pod.spec?.initContainers ?? []), ...(worker.pod.spec?.containers ?? []), ...(worker.pod.spec?.ephemeralContainers ?? [])].some((container) => container.name === containerName);
  if (!known) return plain(404, `container ${JSON.stringify(containerName)} not found in pod ${JSON.stringify(podName)}\n`);
  const previous = query.get('previous') === 'true';
  const state = await view.state(worker.uid);
  const records = state.containers.filter((record) => record.name === containerName);
  const record = previous ? records[1] : records[0];
  if (record === undefined && previous) return plain(400, `previous terminated container ${JSON.stringify(containerName)} in pod ${JSON.stringify(podName)} not found`);
  if (record === undefined || record.status.state === 'CONTAINER_CREATED') {
    const reason = view.waitingReason(worker.uid, containerName);
    return plain(400, `container ${JSON.stringify(containerName)} in pod ${JSON.stringify(podName)} is waiting to start: ${reason}`);
  }
  const running = async (): Promise<boolean> => {
    const now = await view.state(worker.uid);
    const current = newest(now, containerName);
    return current?.id === record.id && current.status.state === 'CONTAINER_RUNNING';
  };
  if (!(await host.disk.exists(record.status.logPath))) return plain(200, '');
  const body = readLogs(host, view.system.files, { path: record.status.logPath, running }, options, request.signal);
  return { status: 200, headers: { 'content-type': 'text/plain' }, body };
}
