export { fieldManagerProblems, nameProblems, validateAnnotations, validateLabels, validateMetadata, validateMetadataUpdate, type MetadataPass, type MetadataRules, type NameRule, type RequiredName } from './metadata.ts';
export { parseCidr, parseIp, rangeContains, type IpAddress, type IpRange } from './addresses.ts';
export { duplicate, forbiddenField, invalidValue, notSupported, required } from './errors.ts';
export { validateNodeSelectorTerms, validatePreferredTerms } from './pod/placement.ts';
export { qualifiedNameProblems } from './formats.ts';
export { labelName as labelNameErrors } from './common.ts';
export { validateClusterIps } from './services.ts';
export { matchConditionEnvironment, validateMatchConditions } from './match-conditions.ts';
export { requestSubject, type RequestSubject, type VerifySignature } from './x509/signing-request.ts';
