import { ApiError, isFenced, isNotFound, resources } from '@coxswain/client';
import { Binder, type Binding } from '@coxswain/client/fast-path';
import { NetworkError } from '@coxswain/host';
import { gangKeyOf } from '../../gangs/gangs.ts';
import { failed, success, type Status } from '../../framework/status.ts';
import type { BindPlugin } from '../../framework/interface.ts';
import type { PluginHandle } from '../handle.ts';

const firstRetryMs = 100;
const maxRetryMs = 2000;
/** A server that answers with errors for so long has no binding of ours under way any more: it limits its own requests to a minute. */
const patienceMs = 90_000;

type BinderHandle = Pick<PluginHandle, 'client' | 'host' | 'leadership' | 'storage'>;

/** It may have been done, or be done yet. */
function isUnknown(error: unknown): boolean {
  return error instanceof NetworkError || (error instanceof ApiError && error.code >= 500);
}

/**
 * Binds by the API's binding subresource, several together where the server can. The uid in it keeps a pod of the same name made
 * meanwhile from being bound. A binding whose end is not known is asked for again, on the same node, until it is: if the pod's room were
 * given away before, both could come to be there.
 */
export function defaultBinder(handle: BinderHandle): BindPlugin {
  const { leadership } = handle;
  const binder = new Binder(handle.client, leadership === undefined ? undefined : () => leadership.term());
  return {
    name: 'DefaultBinder',
    async bind(_state, { name, namespace, uid, pod }, nodeName, signal) {
      const binding = { namespace, name, uid, node: nodeName, gang: gangKeyOf(pod) };
      try {
        await binder.bind(binding);
        return success;
      } catch (error) {
        if (isFenced(error)) leadership?.lost();
        return isUnknown(error) ? await settle(handle, binder, binding, signal) : failed(error);
      }
    },
  };
}

async function settle(handle: BinderHandle, binder: Binder, binding: Binding, signal: AbortSignal): Promise<Status> {
  const { host: { clock, timers, log }, leadership, storage } = handle;
  log.info('how a binding ended is not known', { pod: `${binding.namespace}/${binding.name}`, node: binding.node });
  const untilMs = clock.monotonicMs() + patienceMs;
  for (let delayMs = firstRetryMs; ; delayMs = Math.min(maxRetryMs, 2 * delayMs)) {
    await timers.sleep(delayMs, signal);
    if (signal.aborted) return failed('the scheduler is stopping');
    if (storage.node(binding.node) === undefined) return failed(`node ${JSON.stringify(binding.node)} is gone`);
    try {
      await binder.bind(binding);
      return success;
    } catch (error) {
      if (isFenced(error)) leadership?.lost();
      const known = isUnknown(error) ? undefined : await refused(handle, binding, error);
      if (known !== undefined) return known;
      if (!(error instanceof NetworkError) && clock.monotonicMs() > untilMs) return failed(error);
    }
  }
}

/** Perhaps because the first try had done it; undefined: nobody says. */
async function refused({ client }: BinderHandle, { namespace, name, uid, node }: Binding, refusal: unknown): Promise<Status | undefined> {
  try {
    const { metadata, spec } = await client.get(resources.pods, { namespace, name });
    return metadata?.uid === uid && spec?.nodeName === node ? success : failed(refusal);
  } catch (error) {
    return isUnknown(error) ? undefined : failed(isNotFound(error) ? refusal : error);
  }
}
