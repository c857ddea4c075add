import { notFound, StatusError } from '@coxswain/api';
import type { HttpResponse } from '@coxswain/host';
import type { Operation } from '../registry/context.ts';
import { serveResource } from '../registry/serve.ts';
import { pageNotFound } from '../transport/responses.ts';

const acrossNamespaces: ReadonlySet<string> = new Set(['list', 'watch']);

/** Paths that do not fit the kind's scope are no paths. */
function isElsewhere({ kind, info }: Operation): boolean {
  const inNamespace = info.namespace !== '';
  return kind.api.namespaced ? !inNamespace && !acrossNamespaces.has(info.verb) : inNamespace;
}

function refusal({ kind, info }: Operation): StatusError | undefined {
  const known = kind.api.subresources.some((subresource) => subresource.name === info.subresource);
  if (info.subresource !== '' && !known) return notFound(kind.api, info.name);
  if (info.subresource === '' && info.verb === 'create' && kind.custom?.isTerminating() === true) {
    return new StatusError('MethodNotAllowed', 'create not allowed while custom resource definition is terminating', { group: kind.api.group, kind: kind.api.resource });
  }
  return undefined;
}

/** What is special about requests to custom kinds; the kind stays until the answer (of a watch: its beginning) is there. */
export async function serveCustom(operation: Operation): Promise<HttpResponse> {
  const { custom } = operation.kind;
  if (isElsewhere(operation)) return pageNotFound();
  custom?.warnings.forEach(operation.notes.warn);
  const refused = refusal(operation);
  if (refused !== undefined) throw refused;
  const leave = custom?.enter();
  try {
    return await serveResource(operation);
  } finally {
    leave?.();
  }
}
