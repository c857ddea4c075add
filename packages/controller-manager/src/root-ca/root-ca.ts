import { done, isAlreadyExists, isNamespaceTerminating, isNotFound, resources } from '@coxswain/client';
import { deepEqual, namespaceOf, nameOf } from '../common/object.ts';
import { newLoop, runLoop } from '../common/run.ts';
import type { Controller } from '../types.ts';

const name = 'root-ca-certificate-publisher-controller';
const configMapName = 'kube-root-ca.crt';
const annotation = {
  'kubernetes.io/description': 'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.',
};

/** Every namespace has a ConfigMap with the authority by which its pods can verify the API server. */
export const rootCaController: Controller = {
  name, account: 'root-ca-cert-publisher',
  start: (context) => {
    const { rootCaPem } = context.config;
    if (rootCaPem === undefined) return undefined;
    const namespaces = context.informers.informer(resources.namespaces);
    const configMaps = context.informers.informer(resources.configmaps, { fieldSelector: `metadata.name=${configMapName}` });
    const loop = newLoop(context, name);
    namespaces.addHandler({ added: (namespace) => loop.enqueue(namespace), updated: (_before, namespace) => loop.enqueue(namespace) });
    const changed = (configMap: { metadata?: { name?: string; namespace?: string } }): void => { if (nameOf(configMap) === configMapName) loop.queue.add(namespaceOf(configMap)); };
    configMaps.addHandler({ updated: (_before, configMap) => changed(configMap), deleted: changed });
    const data = { 'ca.crt': rootCaPem };
    return runLoop(context, name, loop, async (key) => {
      const namespace = namespaces.lister.get({ name: key });
      if (namespace === undefined || namespace.status?.phase === 'Terminating') return done;
      const current = configMaps.lister.get({ namespace: key, name: configMapName });
      const metadata = { name: configMapName, namespace: key, annotations: { ...current?.metadata?.annotations, ...annotation } };
      if (current === undefined) {
        await context.client.create(resources.configmaps, { metadata, data }).catch((error: unknown) => {
          if (!isAlreadyExists(error) && !isNamespaceTerminating(error) && !isNotFound(error)) throw error;
        });
      } else if (!deepEqual(current.data, data) || !deepEqual(current.metadata?.annotations, metadata.annotations)) {
        await context.client.update(resources.configmaps, { ...current, metadata: { ...current.metadata, ...metadata }, data });
      }
      return done;
    }, 1);
  },
};
