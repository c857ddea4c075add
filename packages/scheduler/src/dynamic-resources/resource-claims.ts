import { devicesHeldBy, type DeviceClass, type ResourceClaim, type ResourceSlice } from '@coxswain/api/dynamic-resources';
import { AssumeCache, type Informer, type Lister } from '@coxswain/client';
import { DeviceSelectors } from './selectors.ts';

export interface DeviceInformers {
  readonly claims: Informer<ResourceClaim>;
  readonly classes: Informer<DeviceClass>;
  readonly slices: Informer<ResourceSlice>;
}

export type DeviceListers = { readonly [K in keyof DeviceInformers]: DeviceInformers[K] extends Informer<infer T> ? Lister<T> : never };

const uidOf = ({ metadata }: ResourceClaim): string => metadata?.uid ?? '';

/**
 * Claims for devices, with what was decided and is being written, and which devices are taken by them. An allocation under way counts
 * until it is written or given up, whatever is told of the claim meanwhile.
 */
export class ResourceClaims {
  readonly claims: AssumeCache<ResourceClaim>;
  readonly selectors = new DeviceSelectors();
  readonly #listers: DeviceListers;
  /** By uid of the claim. */
  readonly #underWay = new Map<string, ResourceClaim>();
  readonly #held = new Map<string, readonly string[]>();
  /** How many claims have the device: more than one only if somebody else allocated it twice. */
  readonly #holders = new Map<string, number>();

  constructor(listers: DeviceListers) {
    this.#listers = listers;
    this.claims = new AssumeCache(listers.claims);
    for (const claim of listers.claims.list()) this.see(claim);
  }

  slices(): readonly ResourceSlice[] { return this.#listers.slices.list(); }
  deviceClass(name: string): DeviceClass | undefined { return this.#listers.classes.get({ name }); }
  isTaken(device: string): boolean { return this.#holders.has(device); }
  isUnderWay(claim: ResourceClaim): boolean { return this.#underWay.has(uidOf(claim)); }

  /** The API server told of the claim. */
  see(claim: ResourceClaim): void { this.#hold(claim); }

  forget(claim: ResourceClaim): void {
    this.claims.restore(claim);
    if (!this.isUnderWay(claim)) this.#setHeld(uidOf(claim), []);
  }

  /** From now on its devices are taken. */
  begin(claim: ResourceClaim): void {
    this.#underWay.set(uidOf(claim), claim);
    this.#hold(claim);
  }

  /** It was written, as the server answered; without an answer it is given up. */
  end(claim: ResourceClaim, written?: ResourceClaim): void {
    this.#underWay.delete(uidOf(claim));
    if (written !== undefined) this.claims.wrote(written);
    const reported = this.claims.get({ namespace: claim.metadata?.namespace, name: claim.metadata?.name ?? '' });
    if (reported !== undefined && uidOf(reported) === uidOf(claim)) this.#hold(reported);
    else this.#setHeld(uidOf(claim), []);
  }

  #hold(claim: ResourceClaim): void {
    this.#setHeld(uidOf(claim), devicesHeldBy(this.#underWay.get(uidOf(claim)) ?? this.claims.over(claim)));
  }

  #setHeld(uid: string, devices: readonly string[]): void {
    for (const device of this.#held.get(uid) ?? []) {
      const left = (this.#holders.get(device) ?? 0) - 1;
      if (left > 0) this.#holders.set(device, left);
      else this.#holders.delete(device);
    }
    if (devices.length === 0) this.#held.delete(uid);
    else this.#held.set(uid, devices);
    for (const device of devices) this.#holders.set(device, (this.#holders.get(device) ?? 0) + 1);
  }
}

/** Before the informers start. */
export function observeResourceClaims({ claims, classes, slices }: DeviceInformers): ResourceClaims {
  const known = new ResourceClaims({ claims: claims.lister, classes: classes.lister, slices: slices.lister });
  claims.addHandler({ added: (claim) => known.see(claim), updated: (_before, claim) => known.see(claim), deleted: (claim) => known.forget(claim) });
  return known;
}
