import { definitionOf, type JsonObject } from '@coxswain/api';
import type { Client } from '@coxswain/client';
import type { QueueMeter } from '@coxswain/service';
import { nameOf } from '../registry/object.ts';
import type { Registry } from '../registry/registry.ts';
import type { CacheReader } from '../types.ts';
import { DefinitionController } from './controller.ts';
import { DefinitionKinds, type KindTools } from './kinds.ts';

const definitionGroup = 'apiextensions.k8s.io';
const definitionResource = 'customresourcedefinitions';

export interface DefinitionsOptions extends KindTools {
  readonly client: Client;
  readonly cache: CacheReader;
  readonly registry: Registry;
  /** Of its controller. */
  readonly queue: QueueMeter;
  readonly stop: AbortSignal;
  /** Between the names' acceptance and `Established`, so that other servers have heard of the kind; 0 where there are none. */
  readonly establishingDelayMs?: number;
}

/** Makes the registry serve what the definitions in the store say, and keeps their conditions. */
export class Definitions {
  readonly #options: DefinitionsOptions;
  readonly #kinds = new Map<string, DefinitionKinds>();
  readonly #controller: DefinitionController;
  readonly #listeners = new Set<() => void>();

  constructor(options: DefinitionsOptions) {
    this.#options = options;
    this.#controller = new DefinitionController(options);
    // From here on it is cached, so that `start` finds all of them.
    options.cache.list(definitionGroup, definitionResource);
  }

  /** Told after every change of what is served. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** What is defined now. */
  get all(): readonly DefinitionKinds[] {
    return [...this.#kinds.values()];
  }

  start(): void {
    const { cache, stop } = this.#options;
    const unsubscribe = cache.onChange(definitionGroup, definitionResource, ({ type, object }) => this.#take(type === 'DELETED' ? undefined : object, nameOf(object)));
    stop.addEventListener('abort', unsubscribe, { once: true });
    for (const object of cache.list(definitionGroup, definitionResource)) this.#take(object, nameOf(object));
  }

  #take(object: JsonObject | undefined, name: string): void {
    this.#serve(object, name);
    this.#controller.changed(name);
    for (const listener of this.#listeners) listener();
  }

  #serve(object: JsonObject | undefined, name: string): void {
    const { registry } = this.#options;
    const before = this.#kinds.get(name);
    if (object === undefined) {
      registry.setCustom(name, undefined);
      this.#kinds.delete(name);
      before?.retire();
      return;
    }
    const definition = definitionOf(object);
    if (before?.follow(definition) === true) {
      registry.setCustom(name, before);
      return;
    }
    const made = new DefinitionKinds(definition, this.#options);
    this.#kinds.set(name, made);
    registry.setCustom(name, made);
    before?.retire();
  }
}
