export * from './start.ts';
export { Answerer, type AnswererParts, type Upstream } from './answerer.ts';
export { ClusterZone, type ZoneAnswer, type ZoneOptions } from './cluster/resolve.ts';
export { informerSource, type ClusterSource } from './cluster/source.ts';
