import { answerHealth, type HealthCheck, type Metrics } from '@coxswain/service';
import type { EtcdClient } from '@coxswain/etcd-lite/client';
import { utf8, type Host } from '@coxswain/host';
import type { StorageTimes } from '../storage/stores.ts';
import type { PostStartHook } from '../types.ts';
import { HealthRecord } from './health-record.ts';
import type { PathTable } from './paths.ts';
import { pageNotFound } from './responses.ts';

const defaultCheckTimeoutMs = 2000;

/** Runs the post-start hooks and remembers which are through. */
export class HookStates {
  readonly #hooks: readonly PostStartHook[];
  readonly #host: Host;
  readonly #done = new Set<string>();
  readonly #stop = new AbortController();
  #closing = false;

  constructor(hooks: readonly PostStartHook[], host: Host) {
    this.#hooks = hooks;
    this.#host = host;
  }

  /** All at once; resolves when the first pass of each is done. */
  async run(): Promise<void> {
    await Promise.all(this.#hooks.map(async (hook) => {
      await hook.run(this.#stop.signal);
      this.#done.add(hook.name);
      this.#host.log.debug('A post-start hook is done', { hook: hook.name });
    }));
  }

  stop(): void {
    this.#stop.abort();
  }

  /** After `stop`: nobody new is served. */
  close(): void {
    this.#closing = true;
  }

  get closing(): boolean {
    return this.#closing;
  }

  get stopping(): boolean {
    return this.#stop.signal.aborted;
  }

  checks(): Record<string, HealthCheck> {
    return Object.fromEntries(this.#hooks.map((hook) => [`poststarthook/${hook.name}`, () => Promise.resolve(this.#done.has(hook.name) ? undefined : 'not finished')]));
  }
}

export interface HealthParts {
  readonly store: EtcdClient;
  readonly hooks: HookStates;
  readonly metrics: Metrics;
  readonly host: Host;
  /** So long from now unfinished hooks do not mean that the server is dead. */
  readonly livezGraceMs?: number;
  readonly times?: StorageTimes | undefined;
  /** Of what not every server has. */
  readonly checks?: Readonly<Record<string, HealthCheck>>;
}

function storeCheck(parts: HealthParts, timeoutMs = defaultCheckTimeoutMs): HealthCheck {
  return async () => {
    const read = parts.store.range({ key: utf8('/registry/health'), countOnly: true }).then(() => undefined);
    const late = parts.host.timers.sleep(timeoutMs).then(() => 'the store did not answer in time');
    return Promise.race([read, late]);
  };
}

/** Alive, while it may still be starting. */
function inGrace(checks: Readonly<Record<string, HealthCheck>>, { host, livezGraceMs = 0 }: HealthParts): Record<string, HealthCheck> {
  const endsMs = host.clock.monotonicMs() + livezGraceMs;
  return Object.fromEntries(Object.entries(checks).map(([name, check]) => [name, () => (host.clock.monotonicMs() < endsMs ? Promise.resolve(undefined) : check())]));
}

export function addHealth(paths: PathTable, parts: HealthParts): void {
  const record = new HealthRecord();
  const options = {
    livez: record.of('livez', { etcd: storeCheck(parts, parts.times?.healthTimeoutMs), ...parts.checks, ...inGrace(parts.hooks.checks(), parts) }),
    readyz: record.of('readyz', { 'etcd-readiness': storeCheck(parts, parts.times?.readyTimeoutMs), ...parts.hooks.checks(), shutdown: () => Promise.resolve(parts.hooks.stopping ? 'process is shutting down' : undefined) }),
    metrics: parts.metrics,
  };
  paths.exact('/metrics/slis', () => Promise.resolve({ status: 200, headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }, body: utf8(record.text) }));
  for (const path of ['/healthz', '/livez', '/readyz', '/metrics']) {
    const serve = (request: { readonly target: string }): ReturnType<NonNullable<ReturnType<PathTable['find']>>> => answerHealth(options, request.target) ?? Promise.resolve(pageNotFound());
    paths.exact(path, serve);
    paths.prefix(`${path}/`, serve);
  }
}
