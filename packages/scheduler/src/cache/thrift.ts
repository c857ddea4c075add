import type { InformerThrift, KubeObject } from '@coxswain/client';
import type { Container, Node, Pod, Volume } from 'kubernetes-types/core/v1';

/** Fields that no decision reads. */
type Unread<T> = readonly (keyof T)[];

const ofContainer: Unread<Container> = [
  'command', 'args', 'env', 'envFrom', 'volumeMounts', 'volumeDevices', 'livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle', 'securityContext',
  'terminationMessagePath', 'terminationMessagePolicy', 'imagePullPolicy', 'stdin', 'stdinOnce', 'tty', 'workingDir',
];
const ofSpec: Unread<NonNullable<Pod['spec']>> = [
  'ephemeralContainers', 'securityContext', 'imagePullSecrets', 'dnsConfig', 'dnsPolicy', 'hostAliases', 'readinessGates', 'restartPolicy', 'serviceAccount', 'serviceAccountName',
  'enableServiceLinks', 'automountServiceAccountToken', 'terminationGracePeriodSeconds', 'hostname', 'subdomain', 'priorityClassName',
];
const ofStatus: Unread<NonNullable<Pod['status']>> = ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses', 'podIPs', 'podIP', 'hostIP', 'hostIPs' as never, 'qosClass'];
/** Any node can have these. */
const volumesAnywhere: Unread<Volume> = ['secret', 'configMap', 'projected', 'emptyDir', 'downwardAPI', 'hostPath'];
const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

/** A copy. (Taking fields out of one would make it a hash table.) */
function without<T extends object>(object: T, fields: Unread<T>): T {
  const left: Partial<T> = {};
  for (const field of Object.keys(object) as (keyof T)[]) if (!fields.includes(field)) left[field] = object[field];
  return left as T;
}

/** More different pieces than these are not looked for. */
const maxPieces = 5000;

/** Equal pieces of different objects become one. */
class Pieces {
  #young = new Map<string, object>();
  #old = new Map<string, object>();

  one<T>(piece: T): T {
    if (typeof piece !== 'object' || piece === null) return piece;
    const key = JSON.stringify(piece);
    const recent = this.#young.get(key);
    if (recent !== undefined) return recent as T;
    const known = this.#old.get(key) ?? piece;
    if (this.#young.size >= maxPieces) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, known);
    return known as T;
  }

  /** Of each field. */
  in<T extends object>(object: T): T {
    for (const field of Object.keys(object) as (keyof T)[]) object[field] = this.one(object[field]);
    return object;
  }
}

function metadataOf<T extends KubeObject>({ metadata }: T): T['metadata'] {
  const { managedFields: _managedFields, annotations, ...left } = metadata ?? {};
  const { [lastApplied]: _lastApplied, ...others } = annotations ?? {};
  return Object.keys(others).length === 0 ? left : { ...left, annotations: others };
}

/**
 * Pods and nodes as a scheduler keeps them: without what no plugin, explanation or preemption reads, and with one object for what
 * thousands of pods say alike. Not for schedulers with extenders, which are told of whole pods.
 */
export function thrifts(): { readonly pods: InformerThrift<Pod>; readonly nodes: InformerThrift<Node> } {
  const pieces = new Pieces();
  const containers = (list: readonly Container[]): Container[] => list.map((container) => without(container, ofContainer));
  const volumes = (list: readonly Volume[]): Volume[] => list.filter((volume) => !volumesAnywhere.some((kind) => volume[kind] !== undefined));
  const specOf = (spec: NonNullable<Pod['spec']>): NonNullable<Pod['spec']> => {
    const left = without(spec, ofSpec);
    left.containers = containers(spec.containers);
    if (spec.initContainers !== undefined) left.initContainers = containers(spec.initContainers);
    if (spec.volumes !== undefined) left.volumes = volumes(spec.volumes);
    return pieces.in(left);
  };
  return {
    pods: { keep: (pod) => ({
      apiVersion: 'v1', kind: 'Pod', metadata: pieces.in(metadataOf(pod) ?? {}),
      ...(pod.spec === undefined ? {} : { spec: specOf(pod.spec) }), ...(pod.status === undefined ? {} : { status: pieces.in(without(pod.status, ofStatus)) }),
    }) },
    nodes: { keep: (node) => ({ ...node, metadata: metadataOf(node) ?? {} }) },
  };
}
