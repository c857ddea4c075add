import type { ApiResource } from '@coxswain/api';
import { isAlreadyExists, isConflict, isNotFound, type Client } from '@coxswain/client';
import { apiServiceOf, apiServices, type ApiService } from './api-service.ts';
import { localServices, managedLabel } from './local-services.ts';
import type { CacheReader } from '../types.ts';

export interface Registration {
  readonly client: Client;
  readonly cache: CacheReader;
  readonly resourcesNow: () => readonly ApiResource[];
}

const fieldManager = 'kube-apiserver';

function same(a: ApiService['spec'], b: ApiService['spec']): boolean {
  const keys = ['group', 'version', 'groupPriorityMinimum', 'versionPriority'] as const;
  return keys.every((key) => (a?.[key] ?? '') === (b?.[key] ?? '')) && (a?.service ?? null) === null;
}

/** Somebody else was faster: the next pass sees what they made. */
async function unlessBeaten(write: Promise<unknown>): Promise<void> {
  try {
    await write;
  } catch (error) {
    if (!isAlreadyExists(error) && !isConflict(error) && !isNotFound(error)) throw error;
  }
}

/** Registers what this server serves itself. What an administrator has taken over (no label) is left alone. */
export class AutoRegistration {
  readonly #parts: Registration;
  /** Built-in ones are seen to once. */
  #started = false;

  constructor(parts: Registration) {
    this.#parts = parts;
  }

  async pass(): Promise<void> {
    const { cache, client, resourcesNow } = this.#parts;
    const wanted = new Map(localServices(resourcesNow()).map((service) => [service.metadata?.name ?? '', service]));
    for (const [name, service] of wanted) {
      if (this.#started && service.metadata?.labels?.[managedLabel] === 'onstart') continue;
      const present = cache.get(apiServices.group, apiServices.resource, '', name);
      await this.#settle(service, present === undefined ? undefined : apiServiceOf(present));
    }
    for (const object of cache.list(apiServices.group, apiServices.resource)) {
      const { metadata } = apiServiceOf(object);
      const name = metadata?.name ?? '';
      if (wanted.has(name) || !this.#isOurs(metadata?.labels?.[managedLabel])) continue;
      await unlessBeaten(client.delete(apiServices, { name }, { preconditions: { uid: metadata?.uid ?? '' } }));
    }
    this.#started = true;
  }

  #isOurs(label: string | undefined): boolean {
    return label === 'true' || (label === 'onstart' && !this.#started);
  }

  async #settle(wanted: ApiService, present: ApiService | undefined): Promise<void> {
    const { client } = this.#parts;
    if (present === undefined) return unlessBeaten(client.create(apiServices, wanted, { fieldManager }));
    const label = present.metadata?.labels?.[managedLabel];
    if (label !== 'true' && label !== 'onstart') return undefined;
    if (same(wanted.spec, present.spec) && label === wanted.metadata?.labels?.[managedLabel]) return undefined;
    const metadata = { ...present.metadata, labels: { ...present.metadata?.labels, ...wanted.metadata?.labels } };
    return unlessBeaten(client.update(apiServices, { ...present, metadata, ...(wanted.spec === undefined ? {} : { spec: wanted.spec }) }, { fieldManager }));
  }
}
