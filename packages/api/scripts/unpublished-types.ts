/**
 * Types that a server speaks with webhooks and in discovery, but publishes in no description: their protobuf messages are known, and here is
 * how Go writes them in JSON: fields in order, with the flags of data/types.json (p v s m, o omit empty, i inlined).
 */
const typeMeta = ':vi';

const admission: Record<string, string> = {
  AdmissionReview: `${typeMeta} request:po response:po`,
  AdmissionRequest: 'uid:v kind:v resource:v subResource:vo requestKind:po requestResource:po requestSubResource:vo name:vo namespace:vo operation:v userInfo:v object:vo oldObject:vo dryRun:po options:vo',
  AdmissionResponse: 'uid:v allowed:v status:po patch:so patchType:po auditAnnotations:mo warnings:so',
};

const apidiscovery: Record<string, string> = {
  APIGroupDiscovery: `${typeMeta} metadata:vo versions:so`,
  APIGroupDiscoveryList: `${typeMeta} metadata:vo items:s`,
  APIVersionDiscovery: 'version:v resources:so freshness:vo',
  APIResourceDiscovery: 'resource:v responseKind:po scope:v singularResource:v verbs:s shortNames:so categories:so subresources:so',
  APISubresourceDiscovery: 'subresource:v responseKind:po acceptedTypes:so verbs:s',
};

const imagepolicy: Record<string, string> = {
  ImageReview: `${typeMeta} metadata:vo spec:v status:vo`,
  ImageReviewSpec: 'containers:so annotations:mo namespace:vo',
  ImageReviewContainerSpec: 'image:vo',
  ImageReviewStatus: 'allowed:v reason:vo auditAnnotations:mo',
};

const meta: Record<string, string> = {
  GroupVersionKind: 'group:v version:v kind:v',
  GroupVersionResource: 'group:v version:v resource:v',
  PartialObjectMetadata: `${typeMeta} metadata:vo`,
  PartialObjectMetadataList: `${typeMeta} metadata:vo items:s`,
};

export const unpublishedTypes: Record<string, Record<string, string>> = {
  'io.k8s.api.admission.v1': admission,
  'io.k8s.api.admission.v1beta1': admission,
  'io.k8s.api.apidiscovery.v2': apidiscovery,
  'io.k8s.api.apidiscovery.v2beta1': apidiscovery,
  'io.k8s.api.imagepolicy.v1alpha1': imagepolicy,
  'io.k8s.apimachinery.pkg.apis.meta.v1': meta,
};
