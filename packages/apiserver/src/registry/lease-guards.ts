import { badRequest, StatusError } from '@coxswain/api';
import { decodeLeaseTerm, fencedReason, leaseTermHeader, type LeaseTerm } from '@coxswain/client';
import { header, type HttpRequest } from '@coxswain/host';
import type { Metrics } from '@coxswain/service';
import type { Lease } from 'kubernetes-types/coordination/v1';
import { objectKey } from '../storage/keys.ts';
import type { WriteGuard } from '../storage/store.ts';
import { typed } from '../typed.ts';
import type { Operation } from './context.ts';
import type { Registry } from './registry.ts';

const leases = { group: 'coordination.k8s.io', resource: 'leases' } as const;
/** More Leases than components that lead are remembered by nobody. */
const maxKnown = 64;

interface Known {
  /** 0: there is none. */
  readonly revision: number;
  readonly holderIdentity: string;
  readonly leaseTransitions: number;
}

/** The term of leadership in which what is asked for was decided. */
export function termOf(request: HttpRequest): LeaseTerm | undefined {
  const text = header(request.headers, leaseTermHeader);
  if (text === undefined) return undefined;
  const term = decodeLeaseTerm(text);
  if (term === undefined) throw badRequest(`${leaseTermHeader} is not NAMESPACE/NAME/HOLDER/TRANSITIONS: ${text.slice(0, 200)}`);
  return term;
}

/** What shares the reading that is to come. */
interface Reading { now: Promise<Known> | undefined; next: Promise<Known> | undefined }

/**
 * Fences writes by leadership: what the Lease was when its holder was last seen becomes a condition of the write's own transaction, so that
 * from the revision on at which somebody else has it nothing of the former holder is written, however late it comes.
 */
export class LeaseGuards {
  readonly #registry: Registry;
  readonly #refused: ReturnType<Metrics['counter']>;
  readonly #known = new Map<string, Known>();
  readonly #readings = new Map<string, Reading>();

  constructor(registry: Registry, metrics: Metrics) {
    this.#registry = registry;
    this.#refused = metrics.counter('coxswain_apiserver_fenced_writes_total', 'Writes that were refused because somebody else has the Lease under which they were decided, by Lease.', ['lease']);
  }

  /** The condition of one try; undefined: objects of `resource` are kept in another store than Leases, so that the look at it must do. Rejects if the term has ended. */
  async of(term: LeaseTerm, what: { readonly group: string; readonly resource: string }, name: string): Promise<WriteGuard | undefined> {
    const key = this.#keyOf(term);
    let known = this.#known.get(key);
    if (known === undefined || !holds(known, term)) known = await this.#read(key);
    if (!holds(known, term)) {
      this.#refused.inc({ lease: `${term.namespace}/${term.name}` });
      throw fenced(term, what, name);
    }
    const together = this.#registry.storeOf(what.group, what.resource) === this.#registry.storeOf(leases.group, leases.resource);
    return together ? { key, revision: known.revision } : undefined;
  }

  /** A write under it did not come about. */
  outdated(guard: WriteGuard | undefined): void {
    if (guard === undefined) return;
    const { key, revision } = guard;
    if (this.#known.get(key)?.revision === revision) this.#known.delete(key);
  }

  #keyOf({ namespace, name }: LeaseTerm): string {
    return objectKey(this.#store().prefix, namespace, name);
  }

  #store() {
    const kind = this.#registry.storedKind(leases.group, leases.resource);
    if (kind === undefined) throw new StatusError('InternalError', 'Leases are not served');
    return kind.hub.store;
  }

  /** As it was when this was called, or later: what began before does not count. */
  #read(key: string): Promise<Known> {
    const reading = this.#readings.get(key) ?? { now: undefined, next: undefined };
    this.#readings.set(key, reading);
    reading.next ??= (reading.now ?? Promise.resolve()).then(() => undefined, () => undefined).then(() => {
      const now = this.#load(key);
      [reading.now, reading.next] = [now, undefined];
      const done = (): void => { if (reading.now === now && reading.next === undefined) this.#readings.delete(key); };
      now.then(done, done);
      return now;
    });
    return reading.next;
  }

  async #load(key: string): Promise<Known> {
    const stored = await this.#store().get(key);
    const spec = stored === undefined ? undefined : typed<Lease>(stored.object).spec;
    const known = { revision: stored?.revision ?? 0, holderIdentity: spec?.holderIdentity ?? '', leaseTransitions: spec?.leaseTransitions ?? 0 };
    if (this.#known.size >= maxKnown) this.#known.clear();
    this.#known.set(key, known);
    return known;
  }
}

function holds(known: Known, term: LeaseTerm): boolean {
  return known.revision > 0 && known.holderIdentity === term.holderIdentity && known.leaseTransitions === term.leaseTransitions;
}

function fenced({ namespace, name: lease, holderIdentity }: LeaseTerm, what: { readonly group: string; readonly resource: string }, name: string): StatusError {
  const why = `the Lease ${namespace}/${lease}, under which this was decided, is not ${JSON.stringify(holderIdentity)}'s any more`;
  return new StatusError('Conflict', `Operation cannot be fulfilled on ${what.resource} ${JSON.stringify(name)}: ${why}`, { name, kind: what.resource, causes: [{ reason: fencedReason, message: why }] });
}

/** What a write of this operation is bound to, if it says in which term it was decided. */
export async function guardOf({ context, kind, http, info }: Pick<Operation, 'context' | 'kind' | 'http' | 'info'>): Promise<WriteGuard | undefined> {
  const term = termOf(http);
  return term === undefined ? undefined : context.leaseGuards.of(term, kind.api, info.name);
}
