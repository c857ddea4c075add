import type { AllocationResult, Device, DeviceAttribute, DeviceClass, DeviceRequest, ResourceClaim, ResourceSlice } from '@coxswain/api/dynamic-resources';
import type { Node, NodeSelector, NodeSelectorRequirement } from 'kubernetes-types/core/v1';
import { gatherPools, type OfferedDevice, type Pool } from './pools.ts';
import type { DeviceSelectors } from './selectors.ts';

/** Devices that one claim may get. */
const maxResults = 32;
/** Candidates looked at for one pod on one node. What takes more is not worth the wait of all other pods. */
const maxSteps = 100_000;

export interface AllocationInput {
  /** All that have no allocation yet. */
  readonly claims: readonly ResourceClaim[];
  readonly slices: readonly ResourceSlice[];
  readonly classOf: (name: string) => DeviceClass | undefined;
  readonly isTaken: (key: string) => boolean;
  readonly selectors: DeviceSelectors;
  readonly adminAccess: boolean;
}

interface Task {
  readonly claim: number;
  readonly request: DeviceRequest;
  readonly count: number;
  readonly candidates: readonly OfferedDevice[];
  /** Asked when a candidate's turn comes: a selector that fails on a device that is not needed does no harm. */
  readonly isSelectable: (offered: OfferedDevice) => boolean;
  readonly admin: boolean;
  readonly all: boolean;
}

interface Picked { readonly request: DeviceRequest; readonly offered: OfferedDevice; readonly admin: boolean }

const keyOf = ({ metadata }: ResourceClaim): string => `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;

function attributeOf({ basic }: Device, driver: string, name: string): DeviceAttribute | undefined {
  const attributes = basic?.attributes ?? {};
  if (Object.hasOwn(attributes, name)) return attributes[name];
  const slash = name.indexOf('/');
  const plain = name.slice(slash + 1);
  return name.slice(0, slash) === driver && Object.hasOwn(attributes, plain) ? attributes[plain] : undefined;
}

const valueText = (attribute: DeviceAttribute): string => JSON.stringify([attribute.string ?? null, attribute.int ?? null, attribute.bool ?? null, attribute.version ?? null]);

/** Chosen devices of one claim that must agree in an attribute. */
class Agreement {
  readonly #name: string;
  readonly #requests: ReadonlySet<string>;
  #value: string | undefined;
  #count = 0;

  constructor(name: string, requests: readonly string[]) {
    this.#name = name;
    this.#requests = new Set(requests);
  }

  #concerns(request: string): boolean { return this.#requests.size === 0 || this.#requests.has(request); }

  add(request: string, { device, pool }: OfferedDevice): boolean {
    if (!this.#concerns(request)) return true;
    const attribute = attributeOf(device, pool.driver, this.#name);
    if (attribute === undefined) return false;
    const value = valueText(attribute);
    if (this.#count > 0 && this.#value !== value) return false;
    this.#value = value;
    this.#count += 1;
    return true;
  }

  remove(request: string): void { if (this.#concerns(request)) this.#count -= 1; }
}

function agreementsOf(claim: ResourceClaim): readonly Agreement[] {
  return (claim.spec?.devices?.constraints ?? []).map(({ matchAttribute, requests = [] }, at) => {
    if (matchAttribute === undefined) throw new Error(`claim ${keyOf(claim)}, constraint #${at}: empty constraint (unsupported constraint type?)`);
    return new Agreement(matchAttribute, requests);
  });
}

/** One search for one node. Throws for claims and classes that are wrong in themselves. */
class Search {
  readonly #input: AllocationInput;
  readonly #pools: readonly Pool[];
  readonly #offered: readonly OfferedDevice[];
  readonly #agreements: readonly (readonly Agreement[])[];
  readonly #tasks: readonly Task[];
  readonly #taken = new Set<string>();
  readonly picked: Picked[][];
  /** What keeps a claim from ever getting all that it asks for, unless another choice helps. */
  contradiction: Error | undefined;
  /** One of all that a request wants is taken: upstream looks no further, and so says nothing of what would come then. */
  #gaveUp = false;
  #steps = 0;

  constructor(input: AllocationInput, node: Node) {
    this.#input = input;
    this.#pools = gatherPools(input.slices, node);
    this.#offered = this.#pools.flatMap(({ devices }) => devices);
    this.picked = input.claims.map(() => []);
    this.#tasks = input.claims.flatMap((claim, at) => this.#tasksOf(claim, at));
    this.#agreements = input.claims.map(agreementsOf);
  }

  #tasksOf(claim: ResourceClaim, at: number): readonly Task[] {
    const tasks = (claim.spec?.devices?.requests ?? []).map((request) => this.#taskOf(claim, at, request));
    const total = tasks.reduce((sum, { count }) => sum + count, 0);
    if (total > maxResults) throw new Error(`claim ${keyOf(claim)}: number of requested devices ${total} exceeds the claim limit of ${maxResults}`);
    return tasks;
  }

  #taskOf(claim: ResourceClaim, at: number, request: DeviceRequest): Task {
    const where = `claim ${keyOf(claim)}, request ${request.name}`;
    for (const [index, { cel }] of (request.selectors ?? []).entries()) if (cel === undefined) throw new Error(`${where}, selector #${index}: CEL expression empty (unsupported selector type?)`);
    if (!this.#input.adminAccess && request.adminAccess !== undefined) throw new Error(`${where}: admin access is requested, but the feature is disabled`);
    const deviceClass = this.#input.classOf(request.deviceClassName);
    if (deviceClass === undefined) throw new Error(`${where}: could not retrieve device class ${request.deviceClassName}: deviceclass.resource.k8s.io ${JSON.stringify(request.deviceClassName)} not found`);
    const isSelectable = (offered: OfferedDevice): boolean => this.#isSelectable(offered, deviceClass, claim, request);
    const task = { claim: at, request, isSelectable, admin: request.adminAccess === true };
    switch (request.allocationMode ?? 'ExactCount') {
      case 'ExactCount': return { ...task, candidates: this.#offered, count: request.count ?? 1, all: false };
      case 'All': {
        const candidates = this.#whole(where, isSelectable);
        return { ...task, candidates, count: candidates.length, all: true };
      }
      default: throw new Error(`${where}: unsupported count mode ${request.allocationMode ?? ''}`);
    }
  }

  #whole(where: string, isSelectable: Task['isSelectable']): readonly OfferedDevice[] {
    return this.#pools.flatMap(({ driver, name, devices, incomplete, invalid }) => {
      if (incomplete) throw new Error(`${where}: asks for all devices, but resource pool ${driver}/${name} is currently being updated`);
      if (invalid !== undefined) throw new Error(`${where}: asks for all devices, but resource pool ${driver}/${name} is currently invalid`);
      return devices.filter(isSelectable);
    });
  }

  #isSelectable(offered: OfferedDevice, deviceClass: DeviceClass, claim: ResourceClaim, request: DeviceRequest): boolean {
    const { selectors } = this.#input;
    return offered.device.basic !== undefined && selectors.matches(offered, deviceClass.spec?.selectors ?? [], `class ${deviceClass.metadata?.name ?? ''}`)
      && selectors.matches(offered, request.selectors ?? [], `claim ${keyOf(claim)}`);
  }

  #isFree({ admin }: Task, { key }: OfferedDevice): boolean {
    return admin || (!this.#taken.has(key) && !this.#input.isTaken(key));
  }

  #pick({ claim, request, admin }: Task, offered: OfferedDevice): boolean {
    const agreements = this.#agreements[claim] ?? [];
    const refused = agreements.findIndex((agreement) => !agreement.add(request.name, offered));
    if (refused >= 0) {
      for (const agreement of agreements.slice(0, refused)) agreement.remove(request.name);
      return false;
    }
    if (!admin) this.#taken.add(offered.key);
    this.picked[claim]?.push({ request, offered, admin });
    return true;
  }

  #putBack({ claim, request, admin }: Task, offered: OfferedDevice): void {
    for (const agreement of this.#agreements[claim] ?? []) agreement.remove(request.name);
    if (!admin) this.#taken.delete(offered.key);
    this.picked[claim]?.pop();
  }

  /** Every choice is tried until one does. Devices of one request are taken in order, since their order makes no difference. */
  run(task = 0, chosen = 0, from = 0): boolean {
    const now = this.#tasks[task];
    if (now === undefined) return true;
    if (chosen >= now.count) return this.run(task + 1);
    for (let at = from; at < now.candidates.length; at += 1) {
      const offered = now.candidates[at] as OfferedDevice;
      const isFree = this.#isFree(now, offered);
      if (!now.all && (!isFree || !now.isSelectable(offered))) continue;
      this.#steps += 1;
      if (this.#steps > maxSteps) throw new Error(`allocation of claim ${keyOf(this.#input.claims[now.claim] ?? {})} was given up after ${maxSteps} tries`);
      // A pool that contradicts itself stops the search only if it is needed.
      if (offered.pool.invalid !== undefined) throw new Error(`pool ${offered.pool.name} is invalid: ${offered.pool.invalid}`);
      if (!isFree || !this.#pick(now, offered)) {
        if (!now.all) continue;
        if (isFree) this.#noteContradiction(now, offered);
        else this.#gaveUp = true;
        return false;
      }
      if (this.run(task, chosen + 1, now.admin && !now.all ? at : at + 1)) return true;
      this.#putBack(now, offered);
      if (now.all) return false;
    }
    return false;
  }

  #noteContradiction({ claim, request }: Task, offered: OfferedDevice): void {
    if (this.#gaveUp) return;
    this.contradiction ??= new Error(`claim ${keyOf(this.#input.claims[claim] ?? {})}, request ${request.name}: cannot add device ${offered.key} because a claim constraint would not be satisfied`);
  }
}

function has(list: readonly NodeSelectorRequirement[], { key, operator, values = [] }: NodeSelectorRequirement): boolean {
  const wanted = new Set(values);
  return list.some((one) => one.key === key && one.operator === operator && new Set(one.values ?? []).symmetricDifference(wanted).size === 0);
}

/** From where the devices can be reached; undefined: from everywhere. */
export function nodesOf(slices: readonly ResourceSlice[]): NodeSelector | undefined {
  const local = slices.find(({ spec }) => (spec?.nodeName ?? '') !== '')?.spec?.nodeName;
  if (local !== undefined) return { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [local] }] }] };
  const [matchFields, matchExpressions]: [NodeSelectorRequirement[], NodeSelectorRequirement[]] = [[], []];
  for (const { spec } of slices) {
    const terms = spec?.nodeSelector?.nodeSelectorTerms ?? [];
    if (terms.length > 1) throw new Error(`unsupported ResourceSlice.NodeSelector with ${terms.length} terms`);
    for (const one of terms[0]?.matchFields ?? []) if (!has(matchFields, one)) matchFields.push(one);
    for (const one of terms[0]?.matchExpressions ?? []) if (!has(matchExpressions, one)) matchExpressions.push(one);
  }
  if (matchFields.length + matchExpressions.length === 0) return undefined;
  return { nodeSelectorTerms: [{ ...(matchFields.length === 0 ? {} : { matchFields }), ...(matchExpressions.length === 0 ? {} : { matchExpressions }) }] };
}

function resultOf(claim: ResourceClaim, picked: readonly Picked[], classOf: AllocationInput['classOf']): AllocationResult {
  const results = picked.map(({ request, offered, admin }) => ({ request: request.name, driver: offered.pool.driver, pool: offered.pool.name, device: offered.device.name, ...(admin ? { adminAccess: true } : {}) }));
  const config = [
    ...(claim.spec?.devices?.requests ?? []).flatMap(({ deviceClassName }) => classOf(deviceClassName)?.spec?.config ?? []).map((one) => ({ source: 'FromClass' as const, ...one })),
    ...(claim.spec?.devices?.config ?? []).map((one) => ({ source: 'FromClaim' as const, ...one })),
  ];
  const nodeSelector = nodesOf(picked.map(({ offered }) => offered.slice));
  return { devices: { ...(results.length === 0 ? {} : { results }), ...(config.length === 0 ? {} : { config }) }, ...(nodeSelector === undefined ? {} : { nodeSelector }) };
}

/** One result a claim, in their order; undefined: not on this node, now. */
export function allocate(input: AllocationInput, node: Node): readonly AllocationResult[] | undefined {
  const search = new Search(input, node);
  const found = search.run();
  if (!found && search.contradiction !== undefined) throw search.contradiction;
  return found ? input.claims.map((claim, at) => resultOf(claim, search.picked[at] ?? [], input.classOf)) : undefined;
}
