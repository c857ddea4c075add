import { StatusError } from '@coxswain/api';
import type { AuthorizationAttributes, Authorizer, RequestInfo, RequestNotes, UserInfo } from '../types.ts';
import { selectorsOf } from './selectors.ts';

const selecting: ReadonlySet<string> = new Set(['list', 'watch', 'deletecollection']);

export function attributesOf(info: RequestInfo, user: UserInfo): AuthorizationAttributes {
  const { verb, isResourceRequest, path, group, version, resource, subresource, namespace, name, query } = info;
  const [fields, labels] = isResourceRequest && selecting.has(verb) ? [query.get('fieldSelector') ?? '', query.get('labelSelector') ?? ''] : ['', ''];
  const selectors = fields === '' && labels === '' ? {} : selectorsOf(fields, labels).selectors;
  return { user, verb, isResourceRequest, path, group, version, resource, subresource, namespace, name, ...selectors };
}

function whatWasRefused(a: AuthorizationAttributes): string {
  const who = `User ${JSON.stringify(a.user.name)}`;
  if (!a.isResourceRequest) return `${who} cannot ${a.verb} path ${JSON.stringify(a.path)}`;
  const resource = a.subresource === '' ? a.resource : `${a.resource}/${a.subresource}`;
  const where = a.namespace === '' ? 'at the cluster scope' : `in the namespace ${JSON.stringify(a.namespace)}`;
  return `${who} cannot ${a.verb} resource ${JSON.stringify(resource)} in API group ${JSON.stringify(a.group)} ${where}`;
}

function forbiddenRequest(a: AuthorizationAttributes, reason: string): StatusError {
  const text = whatWasRefused(a) + (reason === '' ? '' : `: ${reason}`);
  if (!a.isResourceRequest) return new StatusError('Forbidden', `forbidden: ${text}`, {});
  const qualified = a.group === '' ? a.resource : `${a.resource}.${a.group}`;
  const subject = a.name === '' ? qualified : `${qualified} ${JSON.stringify(a.name)}`;
  const details = { ...(a.name === '' ? {} : { name: a.name }), ...(a.group === '' ? {} : { group: a.group }), kind: a.resource };
  return new StatusError('Forbidden', `${subject} is forbidden: ${text}`, details);
}

/** Answered as plain text with 500: upstream has no Status for what went wrong before the request was let in. */
export class PlainInternalError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'PlainInternalError';
  }
}

/** Throws 403 unless allowed. The decision and its reason are noted for the audit event. */
export async function requireAllowed(authorizer: Authorizer, attributes: AuthorizationAttributes, notes?: RequestNotes): Promise<void> {
  const { decision, reason, error } = await authorizer.authorize(attributes);
  const failed = decision !== 'allow' && error !== undefined;
  if (!failed) notes?.annotate('authorization.k8s.io/decision', decision === 'allow' ? 'allow' : 'forbid');
  notes?.annotate('authorization.k8s.io/reason', failed ? 'internal error' : reason);
  if (failed) throw new PlainInternalError(error);
  if (decision !== 'allow') throw forbiddenRequest(attributes, reason);
}
