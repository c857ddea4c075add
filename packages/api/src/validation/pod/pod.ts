import type { FieldError } from '../../field-error.ts';
import type { JsonObject } from '../../resource.ts';
import { has, obj, objects, optionalNumber, str, strings } from '../access.ts';
import { ipText, parseIp } from '../addresses.ts';
import { duplicate, eachInvalid, forbiddenField, invalidValue, notSupported, required } from '../errors.ts';
import { each, requireOneOf, validateSelectorLabels } from '../common.ts';
import { dns1123Label, dns1123Subdomain, qualifiedNameProblems } from '../formats.ts';
import { validateContainers, validateEphemeralContainers, validateInitContainers, type PodRules } from './containers.ts';
import { validateAffinity, validateSpread, validateTolerations } from './placement.ts';
import { validateImagePullSecrets, validateOs, validatePodSecurityContext } from './security.ts';
import { validateVolumes } from './volumes.ts';

export const restartPolicies: readonly string[] = ['Always', 'OnFailure', 'Never'];
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
  if (servers.length > 3) errors.push(invalidValue(`${at}.nameservers`, JSON.stringify(servers), 'must not have more than 3 nameservers'));
  for (const [index, server] of servers.entries()) {
    if (parseIp(server) === undefined) errors.push(invalidValue(`${at}.nameservers[${index}]`, server, ipText));
  }
  for (const [index, search] of strings(config, 'searches').entries()) errors.push(...eachInvalid(`${at}.searches[${index}]`, search, dns1123Subdomain(search.replace(/\.$/, ''))));
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
    ...strings(alias, 'hostnames').flatMap((name) => eachInvalid(`${at}.hostnames`, name, dns1123Subdomain(name))),
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
    ...named(str(spec, 'runtimeClassName'), `${field}.runtimeClassName`, dns1123Subdomain),
    ...(has(spec, 'preemptionPolicy') ? requireOneOf(str(spec, 'preemptionPolicy'), `${field}.preemptionPolicy`, ['Never', 'PreemptLowerPriority'], 'required') : []),
  ];
}

function graceSecondsOf(spec: JsonObject | undefined): number {
  const seconds = optionalNumber(spec, 'terminationGracePeriodSeconds');
  return seconds === undefined || seconds < 0 ? 1 : seconds;
}

export function validatePodSpec(spec: JsonObject | undefined, field: string, rules: PodRules): FieldError[] {
  const grace = graceSecondsOf(spec);
  const dnsPolicy = str(spec, 'dnsPolicy');
  return [
    ...validateVolumes(spec, field),
    ...validateContainers(spec, field, grace, rules),
    ...validateInitContainers(spec, field, grace, rules),
    ...validateEphemeralContainers(spec, field, rules),
    ...requireOneOf(str(spec, 'restartPolicy'), `${field}.restartPolicy`, restartPolicies, 'required'),
    ...(dnsPolicies.includes(dnsPolicy) ? [] : [dnsPolicy === '' ? required(`${field}.dnsPolicy`) : notSupported(`${field}.dnsPolicy`, dnsPolicy, dnsPolicies)]),
    ...validateSelectorLabels(obj(spec, 'nodeSelector'), `${field}.nodeSelector`),
    ...validatePodSecurityContext(spec, field, rules.isTemplate),
    ...validateImagePullSecrets(spec, field),
    ...validateAffinity(obj(spec, 'affinity'), `${field}.affinity`),
    ...validateDnsConfig(spec, field),
    ...validateGates(spec, field),
    ...validateSpread(spec, field),
    ...validateNames(spec, field),
    ...validateOs(spec, field),
  ];
}

export function validatePod(pod: JsonObject): FieldError[] {
  const spec = obj(pod, 'spec');
  const errors = validatePodSpec(spec, 'spec', { isTemplate: false });
  if (objects(spec, 'ephemeralContainers').length > 0 && str(obj(pod, 'metadata'), 'resourceVersion') === '') {
    errors.push(forbiddenField('spec.ephemeralContainers', 'cannot be set on create'));
  }
  if (objects(spec, 'schedulingGates').length > 0 && str(spec, 'nodeName') !== '') errors.push(forbiddenField('spec.nodeName', 'cannot be set until all schedulingGates have been cleared'));
  return errors;
}
