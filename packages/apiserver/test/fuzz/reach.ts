import { fuzzKinds } from './corpus.ts';
import type { FuzzRequest } from './requests.ts';

const methodOf: Readonly<Record<string, string>> = { create: 'POST', update: 'PUT', patch: 'PATCH', delete: 'DELETE', deletecollection: 'DELETE all', get: 'GET', list: 'GET all', watch: 'watch' };

/** What a handler stands behind: a resource, or a part of it, and what is done to it. */
function handlersOf(kind: (typeof fuzzKinds)[number]): readonly string[] {
  const own = kind.verbs.flatMap((verb) => (methodOf[verb] === undefined ? [] : [`${kind.group}/${kind.resource} ${methodOf[verb]}`]));
  return [...own, ...kind.subresources.flatMap((part) => part.verbs.flatMap((verb) => (methodOf[verb] === undefined ? [] : [`${kind.group}/${kind.resource}/${part.name} ${methodOf[verb]}`])))];
}

const all: ReadonlySet<string> = new Set(fuzzKinds.flatMap(handlersOf));
const pathPattern = /^\/(?:api\/[^/]+|apis\/([^/]+)\/[^/]+)\/(?:namespaces\/[^/]+\/(?=[^/?]))?([^/?]+)(?:\/([^/?]+))?(?:\/([^/?]+))?/;

function handlerOf({ method, target }: FuzzRequest): string | undefined {
  const match = pathPattern.exec(target);
  if (match === null) return undefined;
  const [, group = '', resource, name, part] = match;
  if (/[?&]watch=(?:true|1)\b/.test(target)) return `${group}/${resource as string} watch`;
  return `${group}/${resource as string}${part === undefined ? '' : `/${part}`} ${method}${name === undefined && (method === 'GET' || method === 'DELETE') ? ' all' : ''}`;
}

/** What was refused before a handler saw it was not reached. */
const unreached: ReadonlySet<number> = new Set([401, 403, 405, 406, 413, 415, 429]);

/** Counts what a run comes to: a generator that misses a handler finds nothing in it. */
export class Reach {
  readonly #handlers = new Map<string, number>();
  readonly #bodies = new Map<string, number>();
  readonly #answers = new Map<string, number>();

  note(request: FuzzRequest, status: number, answerType: string): void {
    const count = (map: Map<string, number>, key: string): void => { map.set(key, (map.get(key) ?? 0) + 1); };
    const handler = handlerOf(request);
    if (handler !== undefined && all.has(handler) && !unreached.has(status)) count(this.#handlers, handler);
    const bodyType = (request.headers['content-type'] ?? '').split(';', 1)[0] as string;
    if (bodyType !== '') count(this.#bodies, `${bodyType.slice(0, 60)} ${status < 300 ? 'taken' : 'refused'}`);
    if (status < 300) count(this.#answers, answerType.slice(0, 60));
  }

  report(): { readonly handlers: string; readonly missed: readonly string[]; readonly bodies: Readonly<Record<string, number>>; readonly answers: Readonly<Record<string, number>> } {
    const sorted = (map: ReadonlyMap<string, number>): Record<string, number> => Object.fromEntries([...map].sort(([, a], [, b]) => b - a).slice(0, 30));
    return { handlers: `${this.#handlers.size} of ${all.size}`, missed: [...all].filter((one) => !this.#handlers.has(one)).toSorted(), bodies: sorted(this.#bodies), answers: sorted(this.#answers) };
  }
}
