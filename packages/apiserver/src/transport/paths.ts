import type { HttpRequest, HttpResponse } from '@coxswain/host';
import { methodNotAllowed } from '../registry/errors.ts';
import type { RequestInfo, UserInfo } from '../types.ts';

export type PathServer = (request: HttpRequest, info: RequestInfo, user: UserInfo) => Promise<HttpResponse>;

/** A document: other methods than GET and HEAD are refused. */
export function readOnly(serve: PathServer): PathServer {
  return (request, info, user) => (request.method === 'GET' || request.method === 'HEAD' ? serve(request, info, user) : Promise.reject(methodNotAllowed()));
}

/** As `readOnly`; HEAD too is refused. */
export function getOnly(serve: PathServer): PathServer {
  return (request, info, user) => (request.method === 'GET' ? serve(request, info, user) : Promise.reject(methodNotAllowed()));
}

/** Paths that are no resources: exact ones first, then the longest matching prefix. */
export class PathTable {
  readonly #exact = new Map<string, PathServer>();
  readonly #unlisted = new Set<string>();
  readonly #prefixes: { readonly prefix: string; readonly serve: PathServer }[] = [];

  /** `listed: false`: answers, but `/` does not name it. */
  exact(path: string, serve: PathServer, options: { readonly listed: boolean } = { listed: true }): void {
    this.#exact.set(path, serve);
    if (!options.listed) this.#unlisted.add(path);
  }

  /** `prefix` ends in '/'. */
  prefix(prefix: string, serve: PathServer): void {
    this.#prefixes.push({ prefix, serve });
    this.#prefixes.sort((a, b) => b.prefix.length - a.prefix.length);
  }

  find(path: string): PathServer | undefined {
    return this.#exact.get(path) ?? this.#prefixes.find((entry) => path.startsWith(entry.prefix))?.serve;
  }

  isExact(path: string): boolean {
    return this.#exact.has(path);
  }

  get paths(): readonly string[] {
    return [...this.#exact.keys()].filter((path) => !this.#unlisted.has(path)).sort();
  }
}

