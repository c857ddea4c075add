import type { Client } from '@coxswain/client';
import { Binder } from '@coxswain/client/fast-path';
import type { BindPlugin } from '../../framework/interface.ts';
import { failed, success } from '../../framework/status.ts';

/**
 * Binds by the API's binding subresource, several together where the server can. The uid in it keeps a pod of the same name made
 * meanwhile from being bound.
 */
export function defaultBinder(client: Client): BindPlugin {
  const binder = new Binder(client);
  return {
    name: 'DefaultBinder',
    async bind(_state, { name, namespace, uid }, nodeName) {
      try {
        await binder.bind({ namespace, name, uid, node: nodeName });
        return success;
      } catch (error) {
        return failed(error);
      }
    },
  };
}
