import { DelegatedAuth, type Client } from '@coxswain/client';
import type { Host, HttpRequest } from '@coxswain/host';
import type { KubeletServerConfig } from '../config.ts';

export type AuthResult =
  | { readonly kind: 'allowed' }
  | { readonly kind: 'unauthorized' }
  | { readonly kind: 'forbidden'; readonly message: string };

/** Sorts a request by what the API server's roles speak of: `nodes/stats`, `nodes/metrics`, `nodes/log`, else `nodes/proxy`. */
function nodeSubresource(path: string): string {
  const first = path.split('/')[1];
  if (first === 'stats' || first === 'metrics' || first === 'spec') return first;
  return first === 'logs' ? 'log' : 'proxy';
}

const verbs: Readonly<Record<string, string>> = { GET: 'get', HEAD: 'get', POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };

/** Who asks the kubelet, and whether they may do that with its node. */
export class KubeletAuth {
  readonly #auth: DelegatedAuth;
  readonly #nodeName: string;

  constructor(client: Client, host: Host, config: KubeletServerConfig, nodeName: string) {
    this.#auth = new DelegatedAuth(client, host, config);
    this.#nodeName = nodeName;
  }

  /** `path`: the same that the answer is chosen by. */
  async check(request: HttpRequest, path: string): Promise<AuthResult> {
    const subresource = nodeSubresource(path);
    // Upgrades come as GET from WebSocket clients and as POST from SPDY ones; both run something.
    const verb = verbs[request.method] ?? '';
    const verdict = await this.#auth.check(request, { resourceAttributes: { verb, version: 'v1', resource: 'nodes', subresource, name: this.#nodeName } });
    if (verdict.kind !== 'forbidden') return verdict;
    return { kind: 'forbidden', message: `Forbidden (user=${verdict.user}, verb=${verb}, resource=nodes, subresource=${subresource})` };
  }
}
