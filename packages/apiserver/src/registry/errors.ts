import { StatusError, type GroupResource } from '@coxswain/api';

/** What upstream says where a path or verb exists for nothing: no names in it. */
export function noSuchResource(): StatusError {
  return new StatusError('NotFound', 'the server could not find the requested resource', {});
}

/** Custom resources are served by a handler that knows what was asked for of what. */
export function notSupported(of: GroupResource, verb: string): StatusError {
  const name = `${of.resource}.${of.group}`;
  return new StatusError('MethodNotAllowed', `${verb} is not supported on resources of kind ${JSON.stringify(name)}`, { group: of.group, kind: of.resource });
}

export function methodNotAllowed(): StatusError {
  return new StatusError('MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
}
