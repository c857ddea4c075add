import { append } from '@coxswain/host';
import type { FieldError } from '../../field-error.ts';
import type { JsonObject } from '../../resource.ts';
import { has, obj, objects, optionalNumber, str, strings } from '../access.ts';
import { ipText, parseIp } from '../addresses.ts';
import { duplicate, eachInvalid, forbiddenField, goStrings, invalidValue, notSupported, required } from '../errors.ts';
import { each, requireOneOf, validateSelectorLabels } from '../common.ts';
import { dns1123Label, dns1123Subdomain, qualifiedNameProblems } from '../formats.ts';
import { claimNames, validatePodClaims } from './claims.ts';
import { validateContainers, validateEphemeralContainers, validateImageSpaces, validateInitContainers, type PodRules } from './containers.ts';
import { validateAffinity, validateSpread, validateTolerations } from './placement.ts';
import { validatePodAnnotations, validateProfilesAgree } from './annotations.ts';
import { validateHostPorts, validatePodSecurityContext } from './security.ts';
import { validateHostProcess, validateOs } from './windows.ts';
import { validateResourceRequirements } from '../resources.ts';
import { validateVolumes } from './volumes.ts';

const restartPolicies: readonly string[] = ['Always', 'OnFailure', 'Never'];
const dnsPolicies = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];

function named(value: string, field: string, problems: (name: string) => string[]): FieldError[] {
  return value === '' ? [] : eachInvalid(field, value, problems(value));
}

function validateDnsConfig(spec: JsonObject | undefined, field: string): FieldError[] {
  const config = obj(spec, 'dnsConfig');
  const at = `${field}.dnsConfig`;
  const servers = strings(config, 'nameservers');
  const errors: FieldError[] = [];
  if (str(spec, 'dnsPolicy') === 'None') {
    if (config === undefined) return [required(`${field}.dnsConfig`, "must provide `dnsConfig` when `dnsPolicy` is None")];
    if (servers.length === 0) return [required(`${at}.nameservers`, "must provide at least one DNS nameserver when `dnsPolicy` is None")];
  }
  const searches = strings(config, 'searches');
  if (servers.length > 3) errors.push(invalidValue(`${at}.nameservers`, goStrings('[]string', servers), 'must not have more than 3 nameservers'));
  for (const [index, server] of servers.entries()) {
    if (parseIp(server) === undefined) errors.push(invalidValue(`${at}.nameservers[${index}]`, server, ipText));
  }
  if (searches.length > 32) errors.push(invalidValue(`${at}.searches`, goStrings('[]string', searches), 'must not have more than 32 search paths'));
  if (searches.join(' ').length > 2048) errors.push(invalidValue(`${at}.searches`, goStrings('[]string', searches), 'must not have more than 2048 characters (including spaces) in the search list'));
  for (const [index, search] of searches.entries()) append(errors, eachInvalid(`${at}.searches[${index}]`, search, dns1123Subdomain(search.replace(/\.$/, ''))));
  for (const [index, option] of objects(config, 'options').entries()) {
    if (str(option, 'name') === '') errors.push(required(`${at}.options[${index}]`, 'must not be empty'));
  }
  return errors;
}

function validateGates(spec: JsonObject | undefined, field: string): FieldError[] {
  const seen = new Set<string>();
  return [
    ...each(objects(spec, 'readinessGates'), `${field}.readinessGates`, (gate, at) => eachInvalid(`${at}.conditionType`, str(gate, 'conditionType'), qualifiedNameProblems(str(gate, 'conditionType')))),
    ...each(objects(spec, 'schedulingGates'), `${field}.schedulingGates`, (gate, at) => {
      const name = str(gate, 'name');
      const errors = eachInvalid(at, name, qualifiedNameProblems(name));
      if (seen.has(name)) errors.push(duplicate(at, name));
      seen.add(name);
      return errors;
    }),
  ];
}

function validateHostAliases(spec: JsonObject | undefined, field: string): FieldError[] {
  return each(objects(spec, 'hostAliases'), `${field}.hostAliases`, (alias, at) => [
    ...(parseIp(str(alias, 'ip')) === undefined ? [invalidValue(`${at}.ip`, str(alias, 'ip'), ipText)] : []),
    ...strings(alias, 'hostnames').flatMap((name, index) => eachInvalid(`${at}.hostnames[${index}]`, name, dns1123Subdomain(name))),
  ]);
}

function validateNames(spec: JsonObject | undefined, field: string): FieldError[] {
  const deadline = optionalNumber(spec, 'activeDeadlineSeconds');
  return [
    ...named(str(spec, 'serviceAccountName'), `${field}.serviceAccountName`, dns1123Subdomain),
    ...named(str(spec, 'nodeName'), `${field}.nodeName`, dns1123Subdomain),
    ...(deadline !== undefined && (deadline < 1 || deadline > 2_147_483_647) ? [invalidValue(`${field}.activeDeadlineSeconds`, deadline, 'must be between 1 and 2147483647, inclusive')] : []),
    ...named(str(spec, 'hostname'), `${field}.hostname`, dns1123Label),
    ...named(str(spec, 'subdomain'), `${field}.subdomain`, dns1123Label),
    ...validateTolerations(objects(spec, 'tolerations'), `${field}.tolerations`),
    ...validateHostAliases(spec, field),
    ...named(str(spec, 'priorityClassName'), `${field}.priorityClassName`, dns1123Subdomain),
    ...(has(spec, 'runtimeClassName') ? eachInvalid(`${field}.runtimeClassName`, str(spec, 'runtimeClassName'), dns1123Subdomain(str(spec, 'runtimeClassName'))) : []),
    ...(has(spec, 'preemptionPolicy') ? requireOneOf(str(spec, 'preemptionPolicy'), `${field}.preemptionPolicy`, ['PreemptLowerPriority', 'Never'], 'required') : []),
  ];
}

export interface PodPlace {
  /** A template may say less; and it has no name yet. */
  readonly isTemplate: boolean;
  readonly name: string;
}

export function validatePodSpec(spec: JsonObject | undefined, field: string, place: PodPlace): FieldError[] {
  const { errors, volumes } = validateVolumes(spec, field, place.name);
  const dnsPolicy = str(spec, 'dnsPolicy');
  const rules: PodRules = {
    isTemplate: place.isTemplate, volumes, claims: claimNames(spec), graceSeconds: optionalNumber(spec, 'terminationGracePeriodSeconds'), restartPolicy: str(spec, 'restartPolicy'),
  };
  return [
    ...(rules.graceSeconds === undefined ? [required(`${field}.terminationGracePeriodSeconds`)] : []),
    ...errors,
    ...validatePodClaims(spec, `${field}.resourceClaims`),
    ...validateContainers(spec, field, rules),
    ...validateInitContainers(spec, field, rules),
    ...validateEphemeralContainers(spec, field, rules),
    ...validateHostPorts(spec, field, place.isTemplate),
    ...requireOneOf(rules.restartPolicy, `${field}.restartPolicy`, restartPolicies, 'required'),
    ...(dnsPolicies.includes(dnsPolicy) ? [] : [dnsPolicy === '' ? required(`${field}.dnsPolicy`) : notSupported(`${field}.dnsPolicy`, dnsPolicy, dnsPolicies)]),
    ...validateSelectorLabels(obj(spec, 'nodeSelector'), `${field}.nodeSelector`),
    ...validatePodSecurityContext(spec, field),
    ...validateAffinity(obj(spec, 'affinity'), `${field}.affinity`),
    ...validateDnsConfig(spec, field),
    ...validateGates(spec, field),
    ...validateSpread(spec, field),
    ...validateHostProcess(spec, field),
    ...validateNames(spec, field),
    ...(has(spec, 'overhead') ? validateResourceRequirements({ limits: obj(spec, 'overhead') ?? {} }, `${field}.overhead`) : []),
    ...validateOs(spec, field),
  ];
}

/** A token of its own needs an account to be for. */
function projectedTokens(spec: JsonObject | undefined): FieldError[] {
  if (str(spec, 'serviceAccountName') !== '') return [];
  return each(objects(spec, 'volumes'), 'spec.volumes', (volume, at) => each(objects(obj(volume, 'projected'), 'sources'), `${at}.projected.sources`, (source, sourceAt) => (
    has(source, 'serviceAccountToken') ? [forbiddenField(`${sourceAt}.serviceAccountToken`, 'must not be specified when serviceAccountName is not set')] : [])));
}

export function validatePodRules(pod: JsonObject): FieldError[] {
  const spec = obj(pod, 'spec');
  return [
    ...validatePodAnnotations(pod),
    ...validatePodSpec(spec, 'spec', { isTemplate: false, name: str(obj(pod, 'metadata'), 'name') }),
    ...projectedTokens(spec),
    ...['containers', 'initContainers'].flatMap((key) => each(objects(spec, key), `spec.${key}`, validateImageSpaces)),
  ];
}

export function validatePod(pod: JsonObject): FieldError[] {
  const spec = obj(pod, 'spec');
  const errors = validatePodRules(pod);
  if (objects(spec, 'ephemeralContainers').length > 0) errors.push(forbiddenField('spec.ephemeralContainers', 'cannot be set on create'));
  if (str(spec, 'nodeName') !== '' && objects(spec, 'schedulingGates').length > 0) errors.push(forbiddenField('spec.nodeName', 'cannot be set until all schedulingGates have been cleared'));
  return [...errors, ...validateProfilesAgree(pod)];
}
