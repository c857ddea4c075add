import { apiOperations } from './api-operations.ts';
import { area } from './world.ts';

const backend = { service: { name: 'default-backend', port: { number: 80 } } };
const container = { name: 'c', image: 'example.com/i:1' };

area('objects without a controller', (conformance) => {
  conformance('[sig-network] Ingress API should support creating Ingress API operations [Conformance]', (t) => apiOperations(t, {
    groupVersion: 'networking.k8s.io/v1', resource: 'ingresses', namespaced: true, object: { spec: { defaultBackend: backend, rules: [{ host: 'foo.bar.com', http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }] } },
    change: { path: ['spec', 'ingressClassName'], value: 'other' }, status: { patch: { loadBalancer: { ingress: [{ ip: '169.1.1.1' }] } }, update: { loadBalancer: { ingress: [{ ip: '169.1.1.2' }] } } },
  }));
  conformance('[sig-network] IngressClass API should support creating IngressClass API operations [Conformance]', (t) => apiOperations(t, {
    groupVersion: 'networking.k8s.io/v1', resource: 'ingressclasses', namespaced: false, object: { spec: { controller: 'example.com/controller' } },
  }));
  conformance('[sig-node] RuntimeClass should support RuntimeClasses API operations [Conformance]', (t) => apiOperations(t, {
    groupVersion: 'node.k8s.io/v1', resource: 'runtimeclasses', namespaced: false, object: { handler: 'example' },
  }));
  conformance('[sig-network] EndpointSlice should support creating EndpointSlice API operations [Conformance]', (t) => apiOperations(t, {
    groupVersion: 'discovery.k8s.io/v1', resource: 'endpointslices', namespaced: true, object: { addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.1'] }], ports: [{ name: 'p', port: 80 }] },
  }));
  conformance('[sig-api-machinery] API priority and fairness should support FlowSchema API operations [Conformance]', (t) => apiOperations(t, {
    groupVersion: 'flowcontrol.apiserver.k8s.io/v1', statusOnly: true, resource: 'flowschemas', namespaced: false,
    object: { spec: { matchingPrecedence: 10_000, priorityLevelConfiguration: { name: 'global-default' }, distinguisherMethod: { type: 'ByUser' } } },
    change: { path: ['spec', 'matchingPrecedence'], value: 9999 },
    status: { patch: { conditions: [{ type: 'PatchStatusFailed', status: 'True', reason: 'Testing', message: 'patched', lastTransitionTime: null }] }, update: { conditions: [{ type: 'UpdateStatusFailed', status: 'True', reason: 'Testing', message: 'updated', lastTransitionTime: null }] } },
  }));
  conformance('[sig-api-machinery] API priority and fairness should support PriorityLevelConfiguration API operations [Conformance]', (t) => apiOperations(t, {
    groupVersion: 'flowcontrol.apiserver.k8s.io/v1', statusOnly: true, resource: 'prioritylevelconfigurations', namespaced: false,
    object: { spec: { type: 'Limited', limited: { nominalConcurrencyShares: 2, limitResponse: { type: 'Reject' } } } }, change: { path: ['spec', 'limited', 'nominalConcurrencyShares'], value: 4 },
    status: { patch: { conditions: [{ type: 'PatchStatusFailed', status: 'True', reason: 'Testing', message: 'patched', lastTransitionTime: null }] }, update: { conditions: [{ type: 'UpdateStatusFailed', status: 'True', reason: 'Testing', message: 'updated', lastTransitionTime: null }] } },
  }));
  conformance('[sig-storage] CSIInlineVolumes should run through the lifecycle of a CSIDriver [Conformance]', (t) => apiOperations(t, {
    groupVersion: 'storage.k8s.io/v1', resource: 'csidrivers', namespaced: false, object: { spec: { volumeLifecycleModes: ['Ephemeral'] } },
  }));
  conformance('[sig-storage] CSINodes CSI Conformance should run through the lifecycle of a csinode [Conformance]', (t) => apiOperations(t, {
    groupVersion: 'storage.k8s.io/v1', resource: 'csinodes', namespaced: false, object: { spec: { drivers: [{ name: 'driver.example.com', nodeID: 'node-id', topologyKeys: ['zone'] }] } },
  }));
  conformance('[sig-storage] CSIStorageCapacity should support CSIStorageCapacities API operations [Conformance]', (t) => apiOperations(t, {
    groupVersion: 'storage.k8s.io/v1', resource: 'csistoragecapacities', namespaced: true, object: { storageClassName: 'example' },
  }));
  conformance('[sig-storage] StorageClasses CSI Conformance should run through the lifecycle of a StorageClass [Conformance]', (t) => apiOperations(t, {
    groupVersion: 'storage.k8s.io/v1', resource: 'storageclasses', namespaced: false, object: { provisioner: 'example.com/none' },
  }));
  conformance('[sig-storage] VolumeAttachment Conformance should run through the lifecycle of a VolumeAttachment [Conformance]', (t) => apiOperations(t, {
    groupVersion: 'storage.k8s.io/v1', resource: 'volumeattachments', statusOnly: true, namespaced: false, object: { spec: { attacher: 'none.example.com', nodeName: 'node-1', source: { persistentVolumeName: 'none' } } },
  }));
  conformance('[sig-storage] VolumeAttachment Conformance should apply changes to a volumeattachment status [Conformance]', (t) => apiOperations(t, {
    groupVersion: 'storage.k8s.io/v1', resource: 'volumeattachments', statusOnly: true, namespaced: false, object: { spec: { attacher: 'none.example.com', nodeName: 'node-1', source: { persistentVolumeName: 'none' } } },
    status: { patch: { attached: true }, update: { attached: false } },
  }));
  conformance('[sig-node] PodTemplates should run the lifecycle of PodTemplates [Conformance]', (t) => apiOperations(t, {
    groupVersion: 'v1', resource: 'podtemplates', namespaced: true, object: { template: { metadata: { labels: { a: 'b' } }, spec: { containers: [container] } } },
  }));
  conformance('[sig-node] PodTemplates should delete a collection of pod templates [Conformance]', (t) => apiOperations(t, {
    groupVersion: 'v1', resource: 'podtemplates', namespaced: true, object: { template: { spec: { containers: [container] } } },
  }));
  conformance('[sig-node] PodTemplates should replace a pod template [Conformance]', (t) => apiOperations(t, {
    groupVersion: 'v1', resource: 'podtemplates', namespaced: true, object: { template: { spec: { containers: [container] } } }, change: { path: ['template', 'spec', 'containers'], value: [{ ...container, image: 'example.com/i:2', resources: {}, terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File', imagePullPolicy: 'IfNotPresent' }] },
  }));
});
