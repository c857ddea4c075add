import { StatusError, type GroupResource } from '@coxswain/api';

/** What upstream says where a path or verb exists for nothing: no names in it. */
export function noSuchResource(): StatusError {
  return new StatusError('NotFound', 'the server could not find the requested resource', {});
}

/** Of kinds whose handler knows what was asked for of what: custom resources, and what is not stored. */
export function notSupported(of: GroupResource, verb: string): StatusError {
  const name = of.group === '' ? of.resource : `${of.resource}.${of.group}`;
  return new StatusError('MethodNotAllowed', `${verb} is not supported on resources of kind ${JSON.stringify(name)}`, { ...(of.group === '' ? {} : { group: of.group }), kind: of.resource });
}

export function methodNotAllowed(): StatusError {
  return new StatusError('MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
}
