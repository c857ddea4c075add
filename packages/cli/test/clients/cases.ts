/** The programs that speak to the server. `go` and `go-json` are one program with protobuf and with JSON. */
export const clientNames = ['go', 'go-json', 'python', 'node', 'kubectl'] as const;
export type ClientName = (typeof clientNames)[number];

export interface ClientCase {
  /** What the client must see. */
  readonly what: string;
  /** Clients that lack the means, and which. */
  readonly not?: Readonly<Partial<Record<ClientName, string>>>;
}

/** One list for all clients: each program does every case that it can, in its own way. */
export const cases = {
  'discovery': { what: 'server version, preferred resources and group versions, aggregated and legacy' },
  'crud': { what: 'create, get, list, update, delete of a typed object; resourceVersion grows, uid stays' },
  'untyped': { what: 'the same through a client that has no types', not: { kubectl: 'always untyped' } },
  'conflict': { what: 'an update with a stale resourceVersion is refused: 409 Conflict' },
  'errors': { what: 'NotFound, AlreadyExists and Invalid with its causes come as such' },
  'json-patch': { what: 'add, replace, remove, test that fails' },
  'merge-patch': { what: 'null removes, the rest stays' },
  'strategic-patch': { what: 'containers are merged by name' },
  'apply': { what: 'server-side apply: owners, a conflict that names the other, force' },
  'dry-run': { what: 'a dry run answers the object and stores nothing' },
  'field-validation': { what: 'unknown fields: refused when strict, a warning when told so', not: { python: 'no access to warnings', node: 'its types drop unknown fields' } },
  'paging': { what: 'limit and continue give every object once, with the remaining count' },
  'selectors': { what: 'labels and fields select in lists' },
  'watch': { what: 'events in order from a resourceVersion on, a leaving label selector is DELETED' },
  'informer': { what: 'a cache that follows adds, updates and deletes', not: { python: 'the client has none', kubectl: 'has none' } },
  'watch-list': { what: 'an informer that begins with sendInitialEvents', not: { python: 'the client has none', node: 'the client has none', kubectl: 'has none' } },
  'custom-resource': { what: 'a definition becomes established, its objects are defaulted, refused, watched; it goes again' },
  'status': { what: 'status is written apart from spec, generation counts spec only' },
  'scale': { what: 'a Deployment is scaled through its subresource' },
  'finalizers': { what: 'an object with a finalizer waits; preconditions and orphans are obeyed' },
  'delete-collection': { what: 'everything with a label goes, the rest stays' },
  'access': { what: 'a user without rights is Forbidden, the reviews say so, a role changes it; impersonation' },
  'token': { what: 'a token of a service account is issued, reviewed, used, and dies with the account' },
  'large': { what: 'an object of 900 kB and a list that is compressed come back as they were' },
  'leases': { what: 'leader election: one of two holds the lease, the other follows when it lets go', not: { python: 'raw lease updates only', kubectl: 'has none' } },
  'events': { what: 'one event is seen in both groups' },
  'metadata-only': { what: 'PartialObjectMetadata lists', not: { python: 'no such client', node: 'no such client', kubectl: 'asks for tables' } },
  'openapi': { what: 'the published description has the kinds and their fields', not: { node: 'no such client' } },
} as const satisfies Readonly<Record<string, ClientCase>>;

export type CaseName = keyof typeof cases;

export function casesOf(client: ClientName): readonly CaseName[] {
  return (Object.keys(cases) as CaseName[]).filter((name) => {
    const { not }: ClientCase = cases[name];
    return not?.[client] === undefined;
  });
}

/** A program prints one such line for each case. */
export interface CaseResult {
  readonly case: CaseName;
  readonly ok: boolean;
  readonly detail?: string;
}
