export { fieldManagerProblems, nameProblems, validateMetadata, validateMetadataUpdate, type MetadataRules, type NameRule } from './metadata.ts';
export { parseCidr, parseIp, rangeContains, type IpAddress, type IpRange } from './addresses.ts';
