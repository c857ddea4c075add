import type { Host } from '@coxswain/host';
import { type InformerScope, SharedInformer } from './informer.ts';
import { pathOf } from './resource.ts';
import type { Client, Informer, InformerFactory, InformerThrift, KubeObject, ResourceType } from './types.ts';

export function createInformerFactory(host: Host, client: Client): InformerFactory {
  const informers = new Map<string, SharedInformer<KubeObject>>();
  return {
    informer<T extends KubeObject>(type: ResourceType<T>, scope: InformerScope = {}, thrift?: InformerThrift<T>): Informer<T> {
      const key = JSON.stringify([pathOf(type), type.metadataOnly === true, scope.namespace ?? '', scope.labelSelector ?? '', scope.fieldSelector ?? '']);
      let found = informers.get(key);
      if (found === undefined) {
        // The key holds the resource, so whoever asks for it again asks for the same T.
        found = new SharedInformer<T>(host, client, type, scope, thrift) as unknown as SharedInformer<KubeObject>;
        informers.set(key, found);
      }
      return found as unknown as Informer<T>;
    },
    async start(signal: AbortSignal): Promise<void> {
      const all = [...informers.values()];
      for (const informer of all) informer.run(signal).catch((error: unknown) => host.log.error('informer stopped', { error: String(error) }));
      const aborted = new Promise<void>((resolve) => { signal.addEventListener('abort', () => resolve(), { once: true }); });
      if (!signal.aborted) await Promise.race([Promise.all(all.map((informer) => informer.whenSynced())), aborted]);
    },
  };
}
