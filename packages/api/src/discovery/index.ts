export { aggregatedDiscovery, aggregatedMediaType, type AggregatedVersion } from './aggregated.ts';
export { apiGroup, apiGroupList, apiResourceList, apiVersions, groupsOf, type GroupVersions } from './legacy.ts';
