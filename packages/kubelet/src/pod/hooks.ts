import type { HTTPGetAction, LifecycleHandler } from 'kubernetes-types/core/v1';
import type { Container, Pod } from 'kubernetes-types/core/v1';
import { fromUtf8, header, readAll, type Host } from '@coxswain/host';
import type { ContainerRuntime } from '../cri/types.ts';
import { isHostNetwork } from './pod-facts.ts';

export function portNumber(container: Container, port: string | number): number | undefined {
  if (typeof port === 'number') return port;
  if (/^\d+$/.test(port)) return Number(port);
  return container.ports?.find((candidate) => candidate.name === port)?.containerPort;
}

export function httpGetUrl(container: Container, action: HTTPGetAction, podIp: string): string | undefined {
  const port = portNumber(container, action.port);
  if (port === undefined) return undefined;
  const host = action.host !== undefined && action.host !== '' ? action.host : podIp;
  const path = action.path ?? '/';
  return `${(action.scheme ?? 'HTTP').toLowerCase()}://${host.includes(':') ? `[${host}]` : host}:${port}${path.startsWith('/') ? path : `/${path}`}`;
}

export function httpGetHeaders(action: HTTPGetAction, userAgent: string): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = { 'user-agent': userAgent, accept: '*/*', connection: 'close' };
  const own: Record<string, string[]> = {};
  for (const { name, value } of action.httpHeaders ?? []) (own[name.toLowerCase()] ??= []).push(value);
  return { ...headers, ...Object.fromEntries(Object.entries(own).map(([name, values]) => [name, values.length === 1 ? values[0] as string : values])) };
}

/** Undefined if the hook went well, else why not. Bounded by `timeoutMs` where the handler itself has no bound. */
export type HookFailure = { readonly message: string; readonly event: string };

interface HookInput {
  readonly pod: Pod;
  readonly container: Container;
  readonly containerId: string;
  readonly podIp: string;
  readonly timeoutMs: number;
}

export async function runHook(handler: LifecycleHandler, input: HookInput, host: Host, runtime: ContainerRuntime): Promise<HookFailure | undefined> {
  if (handler.exec !== undefined) return execHook(handler.exec.command ?? [], input, runtime);
  if (handler.httpGet !== undefined) return httpHook(handler.httpGet, input, host);
  const sleep = (handler as { sleep?: { seconds?: number } }).sleep;
  if (sleep !== undefined) await host.timers.sleep(Math.min((sleep.seconds ?? 0) * 1000, input.timeoutMs));
  return undefined;
}

async function execHook(command: readonly string[], input: HookInput, runtime: ContainerRuntime): Promise<HookFailure | undefined> {
  try {
    const result = await runtime.execSync(input.containerId, command, Math.ceil(input.timeoutMs / 1000));
    if (result.exitCode === 0) return undefined;
    const output = fromUtf8(result.stdout) + fromUtf8(result.stderr);
    return { message: `command '${command.join(' ')}' exited with ${result.exitCode}: ${output}`, event: `Exec lifecycle hook ([${command.join(' ')}]) for Container "${input.container.name}" in Pod "${podText(input.pod)}" failed - error: command '${command.join(' ')}' exited with ${result.exitCode}: ${output}, message: ${JSON.stringify(output)}` };
  } catch (error) {
    return { message: (error as Error).message, event: (error as Error).message };
  }
}

function podText(pod: Pod): string {
  return `${pod.metadata?.name ?? ''}_${pod.metadata?.namespace ?? ''}(${pod.metadata?.uid ?? ''})`;
}

async function httpHook(action: HTTPGetAction, input: HookInput, host: Host): Promise<HookFailure | undefined> {
  const url = httpGetUrl(input.container, action, isHostNetwork(input.pod) ? '127.0.0.1' : input.podIp);
  if (url === undefined) return { message: `couldn't find port: ${String(action.port)}`, event: `couldn't find port: ${String(action.port)}` };
  const abort = new AbortController();
  const timer = host.timers.after(input.timeoutMs, () => abort.abort());
  try {
    const response = await host.network.fetch({ url, method: 'GET', headers: httpGetHeaders(action, 'kube-lifecycle/1.32'), httpVersion: '1.1', tls: { insecureSkipVerify: true }, signal: abort.signal });
    const body = fromUtf8(await readAll(response.body, 10 * 1024).catch(() => new Uint8Array(0)));
    if (response.status >= 200 && response.status < 400) return undefined;
    return { message: `HTTP lifecycle hook (${action.path ?? '/'}) failed with status ${response.status}: ${body} ${header(response.headers, 'content-type') ?? ''}`, event: `HTTP lifecycle hook (${action.path ?? '/'}) for Container "${input.container.name}" in Pod "${podText(input.pod)}" failed - error: status ${response.status}` };
  } catch (error) {
    return { message: (error as Error).message, event: `HTTP lifecycle hook (${action.path ?? '/'}) for Container "${input.container.name}" in Pod "${podText(input.pod)}" failed - error: ${(error as Error).message}` };
  } finally {
    timer.cancel();
  }
}
