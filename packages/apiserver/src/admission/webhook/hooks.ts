import { labelMatcher, type JsonObject, type LabelMatcher } from '@coxswain/api';
import type { MutatingWebhook, MutatingWebhookConfiguration, ValidatingWebhook } from 'kubernetes-types/admissionregistration/v1';
import { readyList } from '../../ready-list.ts';
import { typed } from '../../typed.ts';
import type { CacheReader } from '../../types.ts';
import { matchConditions, type MatchConditions } from './match-conditions.ts';

/** One webhook of one configuration, ready to be asked about requests. */
export interface Hook {
  /** Of this webhook among all; a name may be there twice. */
  readonly uid: string;
  readonly configuration: string;
  readonly webhook: ValidatingWebhook & Pick<MutatingWebhook, 'reinvocationPolicy'>;
  readonly namespaceSelector: LabelMatcher | undefined;
  readonly objectSelector: LabelMatcher | undefined;
  /** Absent: no conditions. */
  readonly conditions: MatchConditions | undefined;
}

export type ConfigurationResource = 'mutatingwebhookconfigurations' | 'validatingwebhookconfigurations';

function selector(given: ValidatingWebhook['objectSelector']): LabelMatcher | undefined {
  const isEmpty = given === undefined || (Object.keys(given.matchLabels ?? {}).length === 0 && (given.matchExpressions ?? []).length === 0);
  return isEmpty ? undefined : labelMatcher(given);
}

function hooksOf(configuration: JsonObject): readonly Hook[] {
  const { metadata, webhooks = [] } = typed<MutatingWebhookConfiguration>(configuration);
  const name = metadata?.name ?? '';
  const seen = new Map<string, number>();
  return webhooks.map((webhook) => {
    const count = seen.get(webhook.name) ?? 0;
    seen.set(webhook.name, count + 1);
    return {
      uid: `${name}/${webhook.name}/${count}`, configuration: name, webhook,
      namespaceSelector: selector(webhook.namespaceSelector), objectSelector: selector(webhook.objectSelector),
      conditions: matchConditions(webhook.matchConditions ?? [], webhook.failurePolicy === 'Ignore'),
    };
  });
}

/** All webhooks of one sort as the cache has them, by configuration name, then in their order. */
export class HookSource {
  readonly #cache: CacheReader;
  readonly #resource: ConfigurationResource;
  /** Made once for a state of a configuration. */
  readonly #made = new WeakMap<JsonObject, readonly Hook[]>();

  constructor(cache: CacheReader, resource: ConfigurationResource) {
    this.#cache = cache;
    this.#resource = resource;
  }

  /** There is nothing to wait for, and nobody to ask. */
  get isEmpty(): boolean {
    return this.#cache.list('admissionregistration.k8s.io', this.#resource).length === 0 && this.#cache.isReady === true;
  }

  async hooks(): Promise<readonly Hook[]> {
    const configurations = await readyList(this.#cache, 'admissionregistration.k8s.io', this.#resource);
    if (configurations.length === 0) return [];
    const name = (object: JsonObject): string => typed(object).metadata?.name ?? '';
    return [...configurations].sort((a, b) => (name(a) < name(b) ? -1 : 1)).flatMap((configuration) => this.#of(configuration));
  }

  #of(configuration: JsonObject): readonly Hook[] {
    const known = this.#made.get(configuration);
    if (known !== undefined) return known;
    const made = hooksOf(configuration);
    this.#made.set(configuration, made);
    return made;
  }
}
