import { utf8 } from '@coxswain/host';
import type { RequestInfo } from '../types.ts';

/** Go's, for a path. */
const plain = /[A-Za-z0-9\-_.~$&+,/:;=@]/;

function escaped(path: string): string {
  return Array.from(path, (char) => (plain.test(char) ? char : Array.from(utf8(char), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''))).join('');
}

export function cleaned(parts: readonly string[]): string {
  const out: string[] = [];
  for (const part of parts) {
    if (part === '..') out.pop();
    else if (part !== '' && part !== '.') out.push(part);
  }
  return `/${out.join('/')}`;
}

/**
 * Path and query below `RESOURCE/NAME/proxy`. As upstream's it is what was authorized, decoded once and cleaned (`a%2Fb` is `a/b`,
 * `a/../b` is `b`), and written anew; only the query is as the client sent it.
 */
export function pathBehind(info: Pick<RequestInfo, 'parts' | 'path'>, target: string): string {
  const path = cleaned(info.parts.slice(3));
  const mark = target.indexOf('?');
  return `${escaped(path)}${info.path.endsWith('/') && path !== '/' ? '/' : ''}${mark < 0 ? '' : target.slice(mark)}`;
}
