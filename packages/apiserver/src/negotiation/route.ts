import { StatusError } from '@coxswain/api';
import { header, type HttpRequest } from '@coxswain/host';
import { contentTypeOf } from './accept.ts';

/** What every object is told in, in upstream's order. */
export const objectTypes: readonly string[] = Object.values(contentTypeOf);
/** What a list can also be: a watch. */
export const listTypes: readonly string[] = [...objectTypes, `${contentTypeOf.json};stream=watch`, `${contentTypeOf.protobuf};stream=watch`];

/** Upstream's router compares whole media types, before anything looks at their parameters: it knows no `application/*`. */
export function requireAcceptable(request: HttpRequest, produced: readonly string[]): void {
  const accept = header(request.headers, 'accept') ?? '';
  if (accept === '' || produced.includes(accept)) return;
  const asked = accept.split(',').map((part) => (part.split(';', 1)[0] as string).trim());
  if (asked.some((type) => type === '*/*' || produced.includes(type))) return;
  throw new StatusError('NotAcceptable', `406: Not Acceptable\n\nAvailable representations: ${produced.join(', ')}`, {});
}
