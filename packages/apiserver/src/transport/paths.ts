import type { HttpRequest, HttpResponse } from '@coxswain/host';
import type { RequestInfo, UserInfo } from '../types.ts';

export type PathServer = (request: HttpRequest, info: RequestInfo, user: UserInfo) => Promise<HttpResponse>;

/** Paths that are no resources: exact ones first, then the longest matching prefix. */
export class PathTable {
  readonly #exact = new Map<string, PathServer>();
  readonly #prefixes: { readonly prefix: string; readonly serve: PathServer }[] = [];

  exact(path: string, serve: PathServer): void {
    this.#exact.set(path, serve);
  }

  /** `prefix` ends in '/'. */
  prefix(prefix: string, serve: PathServer): void {
    this.#prefixes.push({ prefix, serve });
    this.#prefixes.sort((a, b) => b.prefix.length - a.prefix.length);
  }

  find(path: string): PathServer | undefined {
    return this.#exact.get(path) ?? this.#prefixes.find((entry) => path.startsWith(entry.prefix))?.serve;
  }

  get paths(): readonly string[] {
    return [...this.#exact.keys()].sort();
  }
}

