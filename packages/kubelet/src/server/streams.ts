import { header, type Host, type HttpRequest, type HttpResponse } from '@coxswain/host';
import { pipeStreams } from '@coxswain/streaming';
import { messageOf } from '../api-types.ts';
import type { KubeletView } from '../kubelet.ts';
import type { PodWorker } from '../pod/worker.ts';
import { newest, sandboxReady } from '../pod/runtime-state.ts';
import { plain } from './answers.ts';

/** What a client of an upgrade sends that the runtime's streaming server needs. */
const passedOn = ['upgrade', 'sec-websocket-key', 'sec-websocket-version', 'sec-websocket-protocol', 'sec-websocket-extensions', 'x-stream-protocol-version', 'origin', 'user-agent'];
const passedBack = ['upgrade', 'sec-websocket-accept', 'sec-websocket-protocol', 'x-stream-protocol-version'];

function pick(headers: HttpRequest['headers'], names: readonly string[]): Record<string, string | readonly string[]> {
  const out: Record<string, string | readonly string[]> = {};
  for (const name of names) {
    const value = headers[name];
    if (value !== undefined) out[name] = value;
  }
  return out;
}

/** Sends the upgrade on to the runtime's own server and joins the two connections. */
async function proxy(host: Host, request: HttpRequest, url: string): Promise<HttpResponse> {
  const response = await host.network.fetch({ url, method: request.method, upgrade: true, headers: { ...pick(request.headers, passedOn), connection: 'Upgrade' }, signal: request.signal });
  const upgraded = response.upgraded;
  if (upgraded === undefined) return { status: response.status, headers: pick(response.headers, ['content-type']), body: response.body };
  return {
    status: 101, headers: { ...pick(response.headers, passedBack), connection: 'Upgrade' },
    upgrade: (stream) => { pipeStreams(stream, upgraded).catch((error: unknown) => host.log.debug('stream broke off', { error: messageOf(error) })); },
  };
}

function findWorker(view: KubeletView, parts: readonly string[], hasContainer: boolean): { worker: PodWorker | undefined; container: string } {
  const [namespace = '', pod = ''] = parts;
  const rest = parts.slice(2);
  const uid = rest.length === (hasContainer ? 2 : 1) ? rest[0] : undefined;
  return { worker: view.worker(namespace, pod, uid), container: hasContainer ? rest.at(-1) ?? '' : '' };
}

async function containerId(view: KubeletView, worker: PodWorker, name: string): Promise<string | undefined> {
  const record = newest(await view.state(worker.uid), name);
  return record?.status.state === 'CONTAINER_RUNNING' ? record.id : undefined;
}

function flag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  return value === '1' || value === 'true';
}

/** POST or GET /exec/{namespace}/{pod}[/{uid}]/{container}?command=…&input=1&output=1&error=1&tty=1; attach alike. */
export async function execOrAttach(view: KubeletView, host: Host, request: HttpRequest, parts: readonly string[], query: URLSearchParams, kind: 'exec' | 'attach'): Promise<HttpResponse> {
  if (!request.upgradeRequested || header(request.headers, 'upgrade') === undefined) return plain(400, 'Upgrade request required');
  const { worker, container } = findWorker(view, parts, true);
  if (worker === undefined) return plain(404, 'pod does not exist');
  const id = await containerId(view, worker, container);
  if (id === undefined) return plain(500, `container not found (${JSON.stringify(container)})`);
  const tty = flag(query, 'tty');
  const streams = { containerId: id, tty, stdin: flag(query, 'input'), stdout: flag(query, 'output'), stderr: flag(query, 'error') && !tty };
  if (!streams.stdin && !streams.stdout && !streams.stderr) return plain(400, 'you must specify at least 1 of stdin, stdout, stderr');
  const url = kind === 'exec' ? await view.runtime.exec({ ...streams, cmd: query.getAll('command') }) : await view.runtime.attach(streams);
  return await proxy(host, request, url);
}

/** POST or GET /portForward/{namespace}/{pod}[/{uid}] */
export async function portForward(view: KubeletView, host: Host, request: HttpRequest, parts: readonly string[], query: URLSearchParams): Promise<HttpResponse> {
  if (!request.upgradeRequested) return plain(400, 'Upgrade request required');
  const { worker } = findWorker(view, parts, false);
  if (worker === undefined) return plain(404, 'pod does not exist');
  const state = await view.state(worker.uid);
  if (state.sandbox === undefined || !sandboxReady(state)) return plain(500, `no sandbox of pod ${JSON.stringify(worker.pod.metadata?.name)} is ready`);
  const port = query.getAll('port').flatMap((value) => value.split(',')).map(Number).filter((value) => value > 0);
  return await proxy(host, request, await view.runtime.portForward({ podSandboxId: state.sandbox.id, port }));
}

/** POST /run/{namespace}/{pod}[/{uid}]/{container}?cmd=…: runs to the end and answers the output. */
export async function runInContainer(view: KubeletView, parts: readonly string[], query: URLSearchParams): Promise<HttpResponse> {
  const { worker, container } = findWorker(view, parts, true);
  if (worker === undefined) return plain(404, 'pod does not exist');
  const id = await containerId(view, worker, container);
  if (id === undefined) return plain(500, `container not found (${JSON.stringify(container)})`);
  const result = await view.runtime.execSync(id, (query.get('cmd') ?? '').split(' '), 0);
  return { status: 200, headers: { 'content-type': 'text/plain' }, body: new Uint8Array([...result.stdout, ...result.stderr]) };
}
