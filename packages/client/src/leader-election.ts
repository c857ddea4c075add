import { type Host, rfc3339Micros } from '@coxswain/host';
import type { Lease, LeaseSpec } from 'kubernetes-types/coordination/v1';
import { isNotFound } from './api-error.ts';
import type { LeaseTerm } from './lease-term.ts';
import { resources } from './resources.ts';
import type { Client, LeaderElectionOptions } from './types.ts';

/** client-go's: a candidate waits between once and 2.2 times the retry period. */
const jitterFactor = 1.2;

/** client-go's and the components' defaults: 15 s, 10 s, 2 s. */
export const defaultLeaderElection = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000 } as const;

/**
 * Waits for the Lease, leads, and resolves when leadership is lost or `signal` aborts (then the Lease is given back).
 * A holder counts as gone only after its Lease stood unchanged for its whole duration by this process' own monotonic clock, so
 * that neither clock's offset matters. A leader that is paused finds out only when it runs again: what it does must be fenced, by
 * naming its term (`leaseTermHeader`) to a server that knows what that is, or by asking whether it still lasts just before.
 */
export async function runLeaderElection(host: Host, client: Client, options: LeaderElectionOptions, signal: AbortSignal): Promise<void> {
  const elector = new Elector(host, client, options);
  if (!await elector.acquire(signal)) return;
  host.log.info('became leader', { lease: options.leaseName, identity: options.identity });
  const leading = new AbortController();
  const forward = (): void => leading.abort();
  signal.addEventListener('abort', forward, { once: true });
  if (signal.aborted) leading.abort();
  const renewing = elector.renew(leading.signal).finally(() => leading.abort());
  try {
    await options.lead(leading.signal, () => elector.term());
  } finally {
    leading.abort();
    await renewing;
    signal.removeEventListener('abort', forward);
    await elector.release();
    host.log.info('leads no more', { lease: options.leaseName, identity: options.identity });
  }
}

class Elector {
  readonly #host: Host;
  readonly #client: Client;
  readonly #options: LeaderElectionOptions;
  /** As last seen or written; its resourceVersion makes the next write conditional. */
  #lease: Lease | undefined;
  #observedVersion = '';
  #observedMs = 0;
  #renewedMs = 0;
  #held: LeaseSpec | undefined;

  constructor(host: Host, client: Client, options: LeaderElectionOptions) {
    this.#host = host;
    this.#client = client;
    this.#options = options;
  }

  async acquire(signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      if (await this.#attempt(this.#options.renewDeadlineMs)) return true;
      await this.#host.timers.sleep(this.#options.retryPeriodMs * (1 + this.#host.random.float() * jitterFactor), signal);
    }
    return false;
  }

  /** undefined: the Lease is somebody else's, or could be by this process' own clock. */
  term(): LeaseTerm | undefined {
    const { namespace, leaseName, leaseDurationMs } = this.#options;
    if (this.#held === undefined || this.#host.clock.monotonicMs() > this.#renewedMs + leaseDurationMs) return undefined;
    return { namespace, name: leaseName, holderIdentity: this.#held.holderIdentity ?? '', leaseTransitions: this.#held.leaseTransitions ?? 0 };
  }

  /** Resolves when the Lease could not be renewed in time, or `signal` aborts. */
  async renew(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#host.timers.sleep(this.#options.retryPeriodMs, signal);
      if (signal.aborted) return;
      const leftMs = this.#renewedMs + this.#options.renewDeadlineMs - this.#host.clock.monotonicMs();
      if (leftMs <= 0) break;
      const renewed = await this.#attempt(leftMs);
      if (!renewed && this.#lease !== undefined && !this.#isHolder(this.#lease.spec)) break;
    }
    this.#host.log.warn('leadership lost', { lease: this.#options.leaseName, identity: this.#options.identity });
  }

  /** True if this process holds the Lease now. Never longer than `limitMs`; never throws. */
  async #attempt(limitMs: number): Promise<boolean> {
    const startMs = this.#host.clock.monotonicMs();
    const enough = new AbortController();
    const timeout = this.#host.timers.sleep(limitMs, enough.signal).then(() => false);
    const held = this.#acquireOrRenew().catch((error: unknown) => {
      this.#lease = undefined;
      this.#host.log.debug('lease could not be written', { lease: this.#options.leaseName, error: String(error) });
      return false;
    });
    const won = await Promise.race([held, timeout]);
    enough.abort();
    // From the moment it was sent: when it arrived is not known.
    if (won) this.#renewedMs = startMs;
    return won;
  }

  #isHolder(spec: LeaseSpec | undefined): boolean {
    return spec?.holderIdentity === this.#options.identity;
  }

  async #acquireOrRenew(): Promise<boolean> {
    if (this.#lease !== undefined && this.#isHolder(this.#lease.spec)) return await this.#write(this.#lease);
    const found = await this.#read();
    if (found === undefined) {
      this.#observe(await this.#client.create(resources.leases, { metadata: { namespace: this.#options.namespace, name: this.#options.leaseName }, spec: this.#spec(undefined) }));
      return true;
    }
    this.#observe(found);
    const durationMs = (found.spec?.leaseDurationSeconds ?? 0) * 1000;
    const held = (found.spec?.holderIdentity ?? '') !== '' && !this.#isHolder(found.spec);
    if (held && this.#observedMs + durationMs > this.#host.clock.monotonicMs()) return false;
    return await this.#write(found);
  }

  async #read(): Promise<Lease | undefined> {
    try {
      return await this.#client.get(resources.leases, { namespace: this.#options.namespace, name: this.#options.leaseName });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async #write(lease: Lease): Promise<boolean> {
    this.#observe(await this.#client.update(resources.leases, { ...lease, spec: this.#spec(lease.spec) }));
    return true;
  }

  #observe(lease: Lease): void {
    this.#lease = lease;
    this.#held = this.#isHolder(lease.spec) ? lease.spec : undefined;
    const resourceVersion = lease.metadata?.resourceVersion ?? '';
    if (resourceVersion === this.#observedVersion) return;
    this.#observedVersion = resourceVersion;
    this.#observedMs = this.#host.clock.monotonicMs();
  }

  #spec(before: LeaseSpec | undefined): LeaseSpec {
    const now = rfc3339Micros(this.#host.clock.nowMs());
    const mine = this.#isHolder(before);
    return {
      holderIdentity: this.#options.identity, leaseDurationSeconds: Math.ceil(this.#options.leaseDurationMs / 1000), renewTime: now,
      acquireTime: mine ? before?.acquireTime ?? now : now,
      leaseTransitions: (before?.leaseTransitions ?? 0) + (mine || before === undefined ? 0 : 1),
    };
  }

  /** So that the next one need not wait. Whoever took it over meanwhile keeps it (the write is conditional). */
  async release(): Promise<void> {
    const lease = this.#lease;
    if (lease === undefined || !this.#isHolder(lease.spec)) return;
    const now = rfc3339Micros(this.#host.clock.nowMs());
    const spec: LeaseSpec = { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: now, acquireTime: now };
    const written = this.#client.update(resources.leases, { ...lease, spec }).then(() => undefined, (error: unknown) => {
      this.#host.log.debug('lease could not be given back', { lease: this.#options.leaseName, error: String(error) });
    });
    await Promise.race([written, this.#host.timers.sleep(this.#options.renewDeadlineMs)]);
  }
}
