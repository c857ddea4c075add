import { done, isAlreadyExists, isNamespaceTerminating, isNotFound, resources } from '@coxswain/client';
import { namespaceOf, nameOf } from '../common/object.ts';
import { newLoop, runLoop } from '../common/run.ts';
import type { Controller } from '../types.ts';

const name = 'serviceaccount-controller';

/** Every namespace has a ServiceAccount `default`. */
export const serviceAccountController: Controller = {
  name, account: 'service-account-controller',
  start: (context) => {
    const namespaces = context.informers.informer(resources.namespaces);
    const accounts = context.informers.informer(resources.serviceaccounts);
    const loop = newLoop(context, name);
    namespaces.addHandler({ added: (namespace) => loop.enqueue(namespace), updated: (_before, namespace) => loop.enqueue(namespace) });
    accounts.addHandler({ deleted: (account) => { if (nameOf(account) === 'default') loop.queue.add(namespaceOf(account)); } });
    return runLoop(context, name, loop, async (key) => {
      if (namespaces.lister.get({ name: key })?.status?.phase === 'Terminating' || namespaces.lister.get({ name: key }) === undefined) return done;
      if (accounts.lister.get({ namespace: key, name: 'default' }) !== undefined) return done;
      await context.client.create(resources.serviceaccounts, { metadata: { name: 'default', namespace: key } }).catch((error: unknown) => {
        if (!isAlreadyExists(error) && !isNamespaceTerminating(error) && !isNotFound(error)) throw error;
      });
      return done;
    }, 1);
  },
};
