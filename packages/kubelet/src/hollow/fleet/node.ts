import { rfc3339Micros } from '@coxswain/host';
import type { Lease } from 'kubernetes-types/coordination/v1';
import type { Node, NodeStatus } from 'kubernetes-types/core/v1';
import type { KubeletConfig } from '../../config.ts';
import type { MachineInfo } from '../../system.ts';
import { initialNode, nodeStatus } from '../../node/node-status.ts';
import { quantityNumber } from '../../quantity.ts';
import { hollowKubeletConfig } from '../config.ts';
import { hollowFilesystem, hollowMachine } from '../system.ts';
import { AddressPool, addressText, parseCidr, partOf } from './addresses.ts';
import type { FleetConfig } from './config.ts';
import { fleetLabel, silentAnnotation } from './labels.ts';
import type { NodeClass } from './rules.ts';

export const leaseNamespace = 'kube-node-lease';
const zoneLabel = 'topology.kubernetes.io/zone';
const regionLabel = 'topology.kubernetes.io/region';

const ordinary: NodeClass = { weight: 1, capacity: {}, labels: {} };

/** Classes in turn, each as often as it weighs. */
export function classOf(classes: readonly NodeClass[], index: number): NodeClass {
  let left = index % Math.max(1, classes.reduce((sum, { weight }) => sum + weight, 0));
  for (const one of classes) {
    if (left < one.weight) return one;
    left -= one.weight;
  }
  return ordinary;
}

/** One node of a fleet: what is told of it, and what is known of it. */
export class HollowNode {
  readonly name: string;
  readonly address: string;
  /** As the API has it; undefined: it has none. */
  object: Node | undefined;
  /** Of the lease as it was last written; '': it is not known. */
  leaseVersion = '';
  leaseDueMs = 0;
  statusDueMs = Number.POSITIVE_INFINITY;
  /** A write of that kind is under way. */
  renewing = false;
  reporting = false;
  registering = false;
  /** By rules of the fleet; the node's annotation does the same. */
  silences = 0;
  /** Its lease was written by this process. */
  alive = false;
  readonly allocatable: Readonly<Record<string, string>>;
  readonly #config: FleetConfig;
  readonly #capacity: Readonly<Record<string, string>>;
  readonly #kubelet: KubeletConfig;
  readonly #machine: MachineInfo;
  readonly #podCidr: string;
  #pool: AddressPool | undefined;

  constructor(config: FleetConfig, index: number) {
    this.#config = config;
    this.name = `${config.namePrefix}-${index}`;
    const { first, size } = parseCidr(config.nodeCidr) ?? { first: 0, size: 1 };
    this.address = addressText(first + 1 + (index % Math.max(1, size - 2)));
    this.#podCidr = partOf(config.podCidr, config.count, index);
    const own = classOf(config.rules.nodes, index);
    this.#capacity = { ...config.capacity, ...own.capacity };
    const zone: Readonly<Record<string, string>> = config.zones === 0 ? {} : { [zoneLabel]: `zone-${(index % config.zones) + 1}`, [regionLabel]: 'hollow' };
    this.#kubelet = {
      ...hollowKubeletConfig(this.name, this.address), kubeletVersion: config.kubeletVersion, registerWithTaints: config.taints,
      nodeLabels: { [fleetLabel]: config.namePrefix, ...zone, ...config.labels, ...own.labels },
    };
    this.#machine = hollowMachine({ nodeName: this.name, cpus: quantityNumber(this.#capacity['cpu']), memoryBytes: quantityNumber(this.#capacity['memory']) });
    this.allocatable = this.status(0).allocatable ?? {};
  }

  get silent(): boolean { return this.silences > 0 || this.object?.metadata?.annotations?.[silentAnnotation] === 'true'; }

  /** Before it is registered, those that it will be registered with. */
  get labels(): Readonly<Record<string, string>> { return this.object?.metadata?.labels ?? initialNode(this.#kubelet, this.#machine).metadata?.labels ?? {}; }

  status(nowMs: number): NodeStatus {
    const status = nodeStatus({
      config: this.#kubelet, machine: this.#machine, filesystem: hollowFilesystem, runtimeVersion: 'hollow://1', images: [], hostIp: this.address, port: 0, problems: [], old: this.object?.status, nowMs,
    });
    return { ...status, capacity: { ...status.capacity, ...this.#capacity }, allocatable: { ...status.allocatable, ...this.#capacity } };
  }

  initial(nowMs: number): Node {
    const node = initialNode(this.#kubelet, this.#machine);
    return { ...node, spec: { ...node.spec, podCIDR: this.#podCidr, podCIDRs: [this.#podCidr], providerID: `hollow://${this.name}` }, status: this.status(nowMs) };
  }

  lease(nowMs: number): Lease {
    const uid = this.object?.metadata?.uid;
    const owner = uid === undefined ? {} : { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: this.name, uid }] };
    return {
      apiVersion: 'coordination.k8s.io/v1', kind: 'Lease',
      metadata: { name: this.name, namespace: leaseNamespace, ...owner, ...(this.leaseVersion === '' ? {} : { resourceVersion: this.leaseVersion }) },
      spec: { holderIdentity: this.name, leaseDurationSeconds: this.#config.leaseDurationSeconds, renewTime: rfc3339Micros(nowMs) },
    };
  }

  /** Of its pods; one that was there before has the range that others gave it. */
  get pool(): AddressPool | undefined {
    const cidr = this.object?.spec?.podCIDR;
    if (this.#pool === undefined && cidr !== undefined && parseCidr(cidr) !== undefined) this.#pool = new AddressPool(cidr);
    return this.#pool;
  }
}
