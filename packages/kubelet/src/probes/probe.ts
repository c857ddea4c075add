import type { Container, Pod, Probe } from 'kubernetes-types/core/v1';
import { fromUtf8, NetworkError, readAll, type Host, type NetworkErrorKind } from '@coxswain/host';
import { RuntimeError, type ContainerRuntime } from '../cri/types.ts';
import { httpGetHeaders, httpGetUrl, portNumber } from '../pod/hooks.ts';
import { isHostNetwork } from '../pod/pod-facts.ts';

export interface ProbeAnswer { readonly ok: boolean; readonly output: string }

export interface ProbeTarget {
  readonly pod: Pod;
  readonly container: Container;
  readonly containerId: string;
  readonly podIp: string;
}

const maxOutputBytes = 10 * 1024;

function seconds(value: number | undefined, fallback: number): number {
  return value === undefined || value < 1 ? fallback : value;
}

async function execProbe(probe: Probe, target: ProbeTarget, runtime: ContainerRuntime): Promise<ProbeAnswer> {
  const timeoutSeconds = seconds(probe.timeoutSeconds, 1);
  try {
    const result = await runtime.execSync(target.containerId, probe.exec?.command ?? [], timeoutSeconds);
    const output = (fromUtf8(result.stdout) + fromUtf8(result.stderr)).slice(0, maxOutputBytes);
    return { ok: result.exitCode === 0, output };
  } catch (error) {
    if (error instanceof RuntimeError && error.kind === 'deadline') return { ok: false, output: `command timed out: "${(probe.exec?.command ?? []).join(' ')}" timed out after ${timeoutSeconds}s` };
    throw error;
  }
}

async function httpProbe(probe: Probe, target: ProbeTarget, host: Host, signal: AbortSignal): Promise<ProbeAnswer> {
  const action = probe.httpGet;
  if (action === undefined) return { ok: true, output: '' };
  const url = httpGetUrl(target.container, action, isHostNetwork(target.pod) ? '127.0.0.1' : target.podIp);
  if (url === undefined) return { ok: false, output: `couldn't find port: ${String(action.port)}` };
  const response = await host.network.fetch({ url, method: 'GET', headers: httpGetHeaders(action, 'kube-probe/1.32'), httpVersion: '1.1', tls: { insecureSkipVerify: true }, signal });
  const body = fromUtf8(await readAll(response.body, maxOutputBytes).catch(() => new Uint8Array(0)));
  const ok = response.status >= 200 && response.status < 400;
  return { ok, output: ok ? body : `HTTP probe failed with statuscode: ${response.status}` };
}

async function tcpProbe(probe: Probe, target: ProbeTarget, host: Host, signal: AbortSignal): Promise<ProbeAnswer> {
  const port = portNumber(target.container, probe.tcpSocket?.port ?? 0);
  if (port === undefined) return { ok: false, output: `couldn't find port: ${String(probe.tcpSocket?.port)}` };
  const address = probe.tcpSocket?.host ?? (isHostNetwork(target.pod) ? '127.0.0.1' : target.podIp);
  const stream = await host.network.dial(address, port, { signal });
  stream.destroy();
  return { ok: true, output: '' };
}

/** grpc.health.v1: status SERVING (1) in field 1 of the answer. */
async function grpcProbe(probe: Probe, target: ProbeTarget, host: Host, signal: AbortSignal): Promise<ProbeAnswer> {
  const { port = 0, service = '' } = (probe as { grpc?: { port?: number; service?: string } }).grpc ?? {};
  const name = new TextEncoder().encode(service);
  const message = name.length === 0 ? new Uint8Array(0) : new Uint8Array([0x0a, name.length, ...name]);
  const body = new Uint8Array([0, 0, 0, 0, message.length, ...message]);
  const address = isHostNetwork(target.pod) ? '127.0.0.1' : target.podIp;
  const response = await host.network.fetch({
    url: `http://${address}:${port}/grpc.health.v1.Health/Check`, method: 'POST', httpVersion: '2', body, signal,
    headers: { 'content-type': 'application/grpc', te: 'trailers', 'user-agent': 'kube-probe/1.32' },
  });
  const answer = await readAll(response.body, maxOutputBytes);
  const serving = answer.length >= 7 && answer[5] === 0x08 && answer[6] === 1;
  return { ok: serving, output: serving ? 'service healthy' : 'service unhealthy (responded with "NOT_SERVING")' };
}

/** What people know these failures by. */
const dialFailures: Partial<Record<NetworkErrorKind, string>> = { refused: 'connect: connection refused', unreachable: 'connect: no route to host', aborted: 'i/o timeout', timeout: 'i/o timeout' };

function networkText(probe: Probe, target: ProbeTarget, error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const failure = error instanceof NetworkError ? dialFailures[error.kind] : undefined;
  const ownAddress = isHostNetwork(target.pod) ? '127.0.0.1' : target.podIp;
  if (probe.httpGet === undefined) {
    const { port = 0, host = ownAddress }: { readonly port?: number | string; readonly host?: string } = probe.tcpSocket ?? (probe as { grpc?: { port?: number } }).grpc ?? {};
    return `dial tcp ${host}:${portNumber(target.container, port) ?? port}: ${failure ?? text}`;
  }
  const url = httpGetUrl(target.container, probe.httpGet, ownAddress) ?? '';
  if (failure === 'i/o timeout') return `Get "${url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`;
  return `Get "${url}": ${failure === undefined ? text : `dial tcp ${/^https?:\/\/([^/]+)/.exec(url)?.[1] ?? ''}: ${failure}`}`;
}

/** One try. A runtime that cannot be asked throws: that says nothing about the container. */
export async function runProbe(probe: Probe, target: ProbeTarget, host: Host, runtime: ContainerRuntime): Promise<ProbeAnswer> {
  if (probe.exec !== undefined) return await execProbe(probe, target, runtime);
  const abort = new AbortController();
  const timer = host.timers.after(seconds(probe.timeoutSeconds, 1) * 1000, () => abort.abort());
  try {
    if (probe.httpGet !== undefined) return await httpProbe(probe, target, host, abort.signal);
    if (probe.tcpSocket !== undefined) return await tcpProbe(probe, target, host, abort.signal);
    return await grpcProbe(probe, target, host, abort.signal);
  } catch (error) {
    return { ok: false, output: networkText(probe, target, error) };
  } finally {
    timer.cancel();
  }
}
