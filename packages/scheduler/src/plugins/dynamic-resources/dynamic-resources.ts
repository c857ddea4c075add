import { claimNameOf, isReservedFor, podClaims, whyNotMadeFor, type AllocationResult, type ResourceClaim } from '@coxswain/api/dynamic-resources';
import { dynamicResources as types, objectKey } from '@coxswain/client';
import type { Node, NodeSelector, Pod } from 'kubernetes-types/core/v1';
import { allocate } from '../../dynamic-resources/allocate.ts';
import type { ResourceClaims } from '../../dynamic-resources/resource-claims.ts';
import type { CycleState, StateData } from '../../framework/cycle-state.ts';
import type { ClusterEvent } from '../../framework/events.ts';
import type { AnyPlugin, EventRegistration } from '../../framework/interface.ts';
import { failed, skip, success, unresolvable, unschedulable, type Status } from '../../framework/status.ts';
import { compileNodeSelector, type NodeMatcher } from '../../selectors/node-selector.ts';
import type { PluginHandle } from '../handle.ts';
import { bindClaim } from './bind-claim.ts';

const name = 'DynamicResources';

type Handle = Pick<PluginHandle, 'host' | 'client'>;

interface WantedClaim {
  /** Replaced by what was written. */
  claim: ResourceClaim;
  /** Of an allocation that it has. */
  readonly reaches: NodeMatcher | undefined;
  /** Chosen for it by Reserve. */
  allocation?: AllocationResult;
}

/** The claims of one pod in one cycle. */
class Wanted implements StateData {
  readonly all: readonly WantedClaim[];
  readonly open: readonly WantedClaim[];
  readonly byNode = new Map<string, readonly AllocationResult[]>();
  /** Allocated where the pod cannot go. */
  readonly elsewhere = new Set<WantedClaim>();

  constructor(all: readonly WantedClaim[]) {
    this.all = all;
    this.open = all.filter(({ claim }) => claim.status?.allocation === undefined);
  }

  /** Trials take pods away, and no devices with them. */
  clone(): this { return this; }
}

const compiled = new WeakMap<NodeSelector, NodeMatcher>();

function matcherOf({ status }: ResourceClaim): NodeMatcher | undefined {
  const selector = status?.allocation?.nodeSelector;
  if (selector === undefined) return undefined;
  const known = compiled.get(selector) ?? compileNodeSelector(selector);
  compiled.set(selector, known);
  return known;
}

/** The pod's claims, or why it has to wait for one. */
function claimsOf(known: ResourceClaims, pod: Pod): readonly ResourceClaim[] | string {
  const out: ResourceClaim[] = [];
  for (const wanted of podClaims(pod)) {
    const at = claimNameOf(pod, wanted);
    if (at.kind === 'missing') return at.error;
    if (at.kind === 'unneeded') continue;
    const claim = known.claims.get({ namespace: pod.metadata?.namespace, name: at.name });
    if (claim === undefined) return `could not find ResourceClaim ${JSON.stringify(`${pod.metadata?.namespace ?? ''}/${at.name}`)}`;
    if (claim.metadata?.deletionTimestamp !== undefined) return `resourceclaim ${JSON.stringify(at.name)} is being deleted`;
    const conflict = at.owned ? whyNotMadeFor(pod, claim) : undefined;
    if (conflict !== undefined) return conflict;
    out.push(claim);
  }
  return out;
}

function whyNotOpen(known: ResourceClaims, claim: ResourceClaim): Status | undefined {
  if (known.isUnderWay(claim)) return unresolvable(`resource claim ${claim.metadata?.namespace ?? ''}/${claim.metadata?.name ?? ''} is in the process of being allocated`);
  for (const { name: request, deviceClassName } of claim.spec?.devices?.requests ?? []) {
    if (deviceClassName === '') return failed(new Error(`request ${request}: unsupported request type`));
    if (known.deviceClass(deviceClassName) === undefined) return unresolvable(`request ${request}: device class ${deviceClassName} does not exist`);
  }
  return undefined;
}

function claimHelps(known: ResourceClaims, pod: Pod, { before, after }: ClusterEvent): boolean {
  const claims = claimsOf(known, pod);
  if (typeof claims === 'string') return false;
  const [was, is] = [before as ResourceClaim | undefined, after as ResourceClaim];
  if (was?.status?.allocation !== undefined && is.status?.allocation === undefined) return true;
  if (!claims.some(({ metadata }) => metadata?.uid === is.metadata?.uid)) return false;
  return was === undefined || JSON.stringify(was.status ?? {}) !== JSON.stringify(is.status ?? {});
}

function eventsFor(known: ResourceClaims): readonly EventRegistration[] {
  const hasAll = (pod: Pod): boolean => typeof claimsOf(known, pod) !== 'string';
  return [
    { resource: 'Node', actions: ['Add', 'UpdateNodeLabel'] },
    { resource: 'ResourceClaim', actions: ['Add', 'Update'], hint: (pod, event) => claimHelps(known, pod, event) },
    { resource: 'UnscheduledPod', actions: ['UpdatePodGeneratedResourceClaim'], hint: (pod, { after }) => pod.metadata?.uid === after?.metadata?.uid && hasAll(after as Pod) },
    { resource: 'DeviceClass', actions: ['Add', 'Update'] },
    { resource: 'ResourceSlice', actions: ['Add', 'Update'], hint: (pod) => hasAll(pod) },
  ];
}

function judge(known: ResourceClaims, wanted: Wanted, node: Node): Status {
  const elsewhere = wanted.all.filter(({ reaches }) => reaches !== undefined && !reaches(node));
  const { open } = wanted;
  if (open.length > 0) {
    try {
      const found = allocate({
        claims: open.map(({ claim }) => claim), slices: known.slices(), classOf: (className) => known.deviceClass(className), isTaken: (device) => known.isTaken(device),
        selectors: known.selectors, adminAccess: false,
      }, node);
      if (found === undefined) return unresolvable('cannot allocate all claims');
      wanted.byNode.set(node.metadata?.name ?? '', found);
    } catch (error) {
      return failed(error);
    }
  }
  for (const one of elsewhere) wanted.elsewhere.add(one);
  return elsewhere.length === 0 ? success : unresolvable('resourceclaim not available on the node');
}

/** Nobody uses it where it is: then it may be allocated anew. */
async function freeOne(wanted: Wanted, pod: Pod, { client, host }: Handle): Promise<Status> {
  const idle = [...wanted.elsewhere].filter(({ claim }) => (claim.status?.reservedFor ?? []).every(({ uid }) => uid === pod.metadata?.uid));
  const chosen = idle[idle.length < 2 ? 0 : host.random.uint32() % idle.length];
  if (chosen === undefined) return unschedulable('still not schedulable');
  const { allocation: _allocation, reservedFor: _reservedFor, ...status } = chosen.claim.status ?? {};
  await client.updateStatus(types.resourceclaims, { ...chosen.claim, status });
  return unschedulable('deallocation of ResourceClaim completed');
}

/** Allocations that were begun for the pod and not written are given up; what was reserved for it is let go. */
function letGo(known: ResourceClaims, wanted: Wanted, pod: Pod, { client, host }: Handle): void {
  for (const { claim, allocation } of wanted.all) {
    if (allocation !== undefined && known.isUnderWay(claim)) known.end(claim);
    if (claim.status?.allocation === undefined || !isReservedFor(pod, claim)) continue;
    const patch = { metadata: { uid: claim.metadata?.uid }, status: { reservedFor: [{ $patch: 'delete', uid: pod.metadata?.uid }] } };
    client.patch(types.resourceclaims, objectKey(claim), 'strategic', patch, { subresource: 'status' }).catch((error: unknown) => {
      host.log.warn('a claim stays reserved until its pod is tried again', { claim: claim.metadata?.name, error: String(error) });
    });
  }
}

/** Devices for pods that claim some. Without claims to know (the feature is off) it has no say. */
export function dynamicResources(known: ResourceClaims | undefined, handle: Handle): AnyPlugin {
  if (known === undefined) return { name };
  const wantedOf = (state: CycleState): Wanted | undefined => state.read<Wanted>(name);
  return {
    name,
    preEnqueue(pod) {
      const claims = podClaims(pod).length === 0 ? [] : claimsOf(known, pod);
      return typeof claims === 'string' ? unresolvable(claims) : success;
    },
    preFilter(state, { pod }) {
      const claims = podClaims(pod).length === 0 ? [] : claimsOf(known, pod);
      if (typeof claims === 'string') return { status: unresolvable(claims) };
      if (claims.length === 0) return { status: skip };
      const wanted = new Wanted(claims.map((claim) => ({ claim, reaches: matcherOf(claim) })));
      for (const { claim } of wanted.open) {
        const status = whyNotOpen(known, claim);
        if (status !== undefined) return { status };
      }
      state.write(name, wanted);
      return { status: success };
    },
    filter(state, _pod, { node }) {
      const wanted = wantedOf(state);
      return wanted === undefined || node === undefined ? success : judge(known, wanted, node);
    },
    async postFilter(state, { pod }) {
      const wanted = wantedOf(state);
      const status = wanted === undefined ? unschedulable('no new claims to deallocate') : await freeOne(wanted, pod, handle).catch(failed);
      return { status, nominatedNodeName: undefined };
    },
    reserve(state, _pod, nodeName) {
      const wanted = wantedOf(state);
      if (wanted === undefined || wanted.open.length === 0) return success;
      const found = wanted.byNode.get(nodeName);
      if (found?.length !== wanted.open.length) return failed(new Error('claim allocation not found for node'));
      for (const [at, one] of wanted.open.entries()) {
        const allocation = found[at] as AllocationResult;
        one.allocation = allocation;
        known.begin({ ...one.claim, status: { ...one.claim.status, allocation } });
      }
      return success;
    },
    unreserve(state, { pod }) {
      const wanted = wantedOf(state);
      if (wanted !== undefined) letGo(known, wanted, pod, handle);
    },
    async preBind(state, { pod }) {
      for (const one of wantedOf(state)?.all ?? []) {
        if (isReservedFor(pod, one.claim)) continue;
        const { claim, allocation } = one;
        try {
          one.claim = await bindClaim(handle.client, claim, pod, allocation);
          if (allocation !== undefined) known.end(claim, one.claim);
        } catch (error) {
          return failed(error);
        }
      }
      return success;
    },
    eventsToRegister: () => eventsFor(known),
  };
}
