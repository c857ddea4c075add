import type { Container, Pod } from 'kubernetes-types/core/v1';
import type { Clock } from '@coxswain/host';
import type { ContainerRuntime, Image, PodSandboxConfig, RegistryAuth } from '../cri/types.ts';
import { messageOf } from '../api-types.ts';
import { BackOff } from './backoff.ts';
import type { PodEvents } from './events.ts';

export type ImageResult =
  | { readonly kind: 'present'; readonly image: Image }
  | { readonly kind: 'waiting'; readonly reason: 'ErrImagePull' | 'ImagePullBackOff' | 'ErrImageNeverPull' | 'InvalidImageName'; readonly message: string; readonly retryMs: number };

export function pullPolicy(container: Container): string {
  if (container.imagePullPolicy !== undefined) return container.imagePullPolicy;
  const image = container.image ?? '';
  const tag = /:([^/:@]+)(?:@|$)/.exec(image)?.[1];
  return image.includes('@') || (tag !== undefined && tag !== 'latest') ? 'IfNotPresent' : 'Always';
}

/** Registries' default name spaces, as the runtime wants them: `busybox` is `docker.io/library/busybox:latest`. */
export function normalImageName(image: string): string {
  const slash = image.indexOf('/');
  const first = slash === -1 ? '' : image.slice(0, slash);
  const hasRegistry = first.includes('.') || first.includes(':') || first === 'localhost';
  const full = hasRegistry ? image : `docker.io/${slash === -1 ? 'library/' : ''}${image}`;
  const name = full.slice(full.lastIndexOf('/') + 1);
  return name.includes(':') || full.includes('@') ? full : `${full}:latest`;
}

function goSeconds(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)}ms` : `${Number((ms / 1000).toFixed(3))}s`;
}

export interface PullRequest {
  readonly pod: Pod;
  readonly container: Container;
  readonly sandboxConfig: PodSandboxConfig;
  readonly auths: readonly RegistryAuth[];
  readonly events: PodEvents;
}

/** Makes images present. Pulls of one image are shared; failures are retried after 10 s doubling to 5 min. */
export class ImageManager {
  readonly #runtime: ContainerRuntime;
  readonly #clock: Clock;
  readonly #backOff: BackOff;
  readonly #pulling = new Map<string, Promise<string>>();
  readonly #lastError = new Map<string, string>();

  constructor(runtime: ContainerRuntime, clock: Clock) {
    this.#runtime = runtime;
    this.#clock = clock;
    this.#backOff = new BackOff(clock, 10_000, 300_000);
  }

  async ensure(request: PullRequest): Promise<ImageResult> {
    const { container, events } = request;
    const shown = container.image ?? '';
    if (!/^[a-zA-Z0-9][a-zA-Z0-9._:/@-]*$/.test(shown)) {
      events.container(container.name, 'Warning', 'InspectFailed', `Failed to apply default image tag "${shown}": couldn't parse image name "${shown}": invalid reference format`);
      return { kind: 'waiting', reason: 'InvalidImageName', message: `Failed to apply default image tag "${shown}": couldn't parse image name "${shown}": invalid reference format`, retryMs: 60_000 };
    }
    const image = normalImageName(shown);
    const present = await this.#runtime.imageStatus(image);
    const policy = pullPolicy(container);
    if (present !== undefined && policy !== 'Always') {
      events.container(container.name, 'Normal', 'Pulled', `Container image "${shown}" already present on machine`);
      return { kind: 'present', image: present };
    }
    if (policy === 'Never') {
      const message = `Container image "${shown}" is not present with pull policy of Never`;
      events.container(container.name, 'Warning', 'ErrImageNeverPull', message);
      return { kind: 'waiting', reason: 'ErrImageNeverPull', message, retryMs: 60_000 };
    }
    return this.#pull(request, shown, image);
  }

  async #pull(request: PullRequest, shown: string, image: string): Promise<ImageResult> {
    const { container, events } = request;
    const key = `${request.pod.metadata?.uid ?? ''}_${image}`;
    const waitMs = this.#backOff.remainingMs(key, this.#lastFailure.get(key) ?? 0);
    if (waitMs > 0) {
      const message = `Back-off pulling image "${shown}": ErrImagePull: ${this.#lastError.get(key) ?? ''}`;
      events.container(container.name, 'Normal', 'BackOff', `Back-off pulling image "${shown}"`);
      return { kind: 'waiting', reason: 'ImagePullBackOff', message, retryMs: waitMs };
    }
    events.container(container.name, 'Normal', 'Pulling', `Pulling image "${shown}"`);
    const startMs = this.#clock.monotonicMs();
    try {
      await this.#shared(image, request);
      const pulled = await this.#runtime.imageStatus(image);
      if (pulled === undefined) throw new Error(`image ${image} is not there after it was pulled`);
      const took = goSeconds(this.#clock.monotonicMs() - startMs);
      events.container(container.name, 'Normal', 'Pulled', `Successfully pulled image "${shown}" in ${took} (${took} including waiting). Image size: ${pulled.size} bytes.`);
      this.#backOff.forget(key);
      return { kind: 'present', image: pulled };
    } catch (error) {
      const message = messageOf(error);
      this.#backOff.next(key);
      this.#lastFailure.set(key, this.#clock.nowMs());
      this.#lastError.set(key, message);
      events.container(container.name, 'Warning', 'Failed', `Failed to pull image "${shown}": ${message}`);
      return { kind: 'waiting', reason: 'ErrImagePull', message, retryMs: 0 };
    }
  }

  readonly #lastFailure = new Map<string, number>();

  #shared(image: string, request: PullRequest): Promise<string> {
    const under = this.#pulling.get(image);
    if (under !== undefined) return under;
    const pull = this.#tryAuths(image, request).finally(() => this.#pulling.delete(image));
    this.#pulling.set(image, pull);
    return pull;
  }

  async #tryAuths(image: string, request: PullRequest): Promise<string> {
    let failure: unknown;
    for (const auth of [...request.auths, undefined]) {
      try {
        return await this.#runtime.pullImage(image, auth, request.sandboxConfig);
      } catch (error) {
        failure ??= error;
      }
    }
    throw failure;
  }
}
