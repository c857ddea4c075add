import { resources, type Client } from '@coxswain/client';
import type { BindPlugin } from '../../framework/interface.ts';
import { failed, success } from '../../framework/status.ts';

/** Binds by the API's binding subresource. The uid in it keeps a pod of the same name made meanwhile from being bound. */
export function defaultBinder(client: Client): BindPlugin {
  return {
    name: 'DefaultBinder',
    async bind(_state, pod, nodeName) {
      const { name, namespace, uid } = pod;
      const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name, namespace, uid }, target: { kind: 'Node', name: nodeName } };
      try {
        await client.createSubresource(resources.pods, { namespace, name }, 'binding', binding);
        return success;
      } catch (error) {
        return failed(error);
      }
    },
  };
}
