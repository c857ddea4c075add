import { append } from '@coxswain/host';
import type { FieldError } from '../../field-error.ts';
import type { JsonObject } from '../../resource.ts';
import { get, has, num, obj, str, strings } from '../../validation/access.ts';
import { dns1035Label, dns1123Subdomain } from '../../validation/formats.ts';
import { eachInvalid, forbiddenField, goStrings, goText, invalidValue, notSupported, required } from '../../validation/errors.ts';

const strategies = ['None', 'Webhook'];
const understood = ['v1', 'v1beta1'];

function reviewVersions(webhook: JsonObject | undefined, field: string, mustBeKnown: boolean): FieldError[] {
  const versions = strings(webhook, 'conversionReviewVersions');
  if (versions.length === 0) return [required(field)];
  const errors = versions.flatMap((version, index) => (versions.indexOf(version) < index
    ? [invalidValue(`${field}[${index}]`, version, 'duplicate version')] : eachInvalid(`${field}[${index}]`, version, dns1035Label(version))));
  if (mustBeKnown && !versions.some((version) => understood.includes(version))) errors.push(invalidValue(field, goStrings('[]string', versions), 'must include at least one of v1, v1beta1'));
  return errors;
}

/** Go's url.Parse as far as webhooks' addresses need it. */
function validateUrl(url: string, field: string): FieldError[] {
  const form = 'desired format: https://host[/path]';
  const match = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/((?:[^/?#@]*@)?)([^/?#]*))?([^?#]*)(\?[^#]*)?(#.*)?$/.exec(url);
  const escape = /%(?![0-9a-fA-F]{2}).{0,2}/.exec(url)?.[0];
  if (match === null || escape !== undefined) {
    return [required(field, `url must be a valid URL: parse ${JSON.stringify(url)}: ${escape === undefined ? 'invalid URL' : `invalid URL escape ${JSON.stringify(escape)}`}; ${form}`)];
  }
  const [, scheme = '', user = '', host = '', , query = '', fragment = ''] = match;
  return [
    ...(scheme.toLowerCase() === 'https' ? [] : [invalidValue(field, scheme.toLowerCase(), `'https' is the only allowed URL scheme; ${form}`)]),
    ...(host === '' ? [invalidValue(field, '', `host must be specified; ${form}`)] : []),
    ...(user === '' ? [] : [invalidValue(field, user.slice(0, -1), `user information is not permitted in the URL`)]),
    ...(fragment.length > 1 ? [invalidValue(field, fragment.slice(1), `fragments are not permitted in the URL`)] : []),
    ...(query.length > 1 ? [invalidValue(field, query.slice(1), `query parameters are not permitted in the URL`)] : []),
  ];
}

function validatePath(path: string, field: string): FieldError[] {
  if (path === '/' || path === '') return [];
  const wrongStart = path.startsWith('/') ? [] : [invalidValue(field, path, "must start with a '/'")];
  const steps = path.slice(1).split('/');
  return [...wrongStart, ...steps.flatMap((step, index): FieldError[] => {
    if (step === '') return index === steps.length - 1 && index > 0 ? [] : [invalidValue(field, path, `segment[${index}] may not be empty`)];
    return dns1123Subdomain(step).map((problem) => invalidValue(field, path, `segment[${index}]: ${problem}`));
  })];
}

function validateService(service: JsonObject, field: string): FieldError[] {
  const port = get(service, 'port') === undefined ? 443 : num(service, 'port');
  return [
    ...(str(service, 'name') === '' ? [required(`${field}.name`, 'service name is required')] : []),
    ...(str(service, 'namespace') === '' ? [required(`${field}.namespace`, 'service namespace is required')] : []),
    ...(port >= 1 && port <= 65_535 ? [] : [invalidValue(`${field}.port`, port, 'port is not valid: must be between 1 and 65535, inclusive')]),
    ...validatePath(str(service, 'path'), `${field}.path`),
  ];
}

/** PEM with at least one certificate in it; whether those can be used shows when they are. */
export function isCertificateBundle(base64: string): boolean {
  try {
    return /-----BEGIN CERTIFICATE-----\s+[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/.test(new TextDecoder().decode(Uint8Array.fromBase64(base64)));
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

export interface ConversionOptions {
  readonly knownReviewVersion: boolean;
  readonly anyBundle: boolean;
}

function validateWebhook(conversion: JsonObject, field: string, options: ConversionOptions): FieldError[] {
  const webhook = obj(conversion, 'webhook');
  const config = obj(webhook, 'clientConfig');
  const at = `${field}.webhookClientConfig`;
  const errors: FieldError[] = [];
  if (config === undefined) errors.push(required(at, 'required when strategy is set to Webhook'));
  else {
    const service = obj(config, 'service');
    if (has(config, 'url') === (service !== undefined)) errors.push(required(at, 'exactly one of url or service is required'));
    else if (service === undefined) append(errors, validateUrl(str(config, 'url'), `${at}.url`));
    else append(errors, validateService(service, `${at}.service`));
    const bundle = str(config, 'caBundle');
    if (bundle !== '' && !options.anyBundle && !isCertificateBundle(bundle)) {
      errors.push(invalidValue(`${at}.caBundle`, goText('[]byte'), 'unable to load root certificates: unable to parse bytes as PEM block'));
    }
  }
  return [...errors, ...reviewVersions(webhook, `${field}.conversionReviewVersions`, options.knownReviewVersion)];
}

/** Fields are named as inside of upstream's server, where the webhook's parts stand one level higher. */
export function validateConversion(conversion: JsonObject | undefined, options: ConversionOptions): FieldError[] {
  if (conversion === undefined) return [];
  const field = 'spec.conversion';
  const strategy = str(conversion, 'strategy');
  const errors = strategy === '' ? [required(`${field}.strategy`)] : strategies.includes(strategy) ? [] : [notSupported(`${field}.strategy`, strategy, strategies)];
  if (strategy === 'Webhook') return [...errors, ...validateWebhook(conversion, field, options)];
  const webhook = obj(conversion, 'webhook');
  const why = 'should not be set when strategy is not set to Webhook';
  if (obj(webhook, 'clientConfig') !== undefined) errors.push(forbiddenField(`${field}.webhookClientConfig`, why));
  if (strings(webhook, 'conversionReviewVersions').length > 0) errors.push(forbiddenField(`${field}.conversionReviewVersions`, why));
  return errors;
}

export function knowsReviewVersion(conversion: JsonObject | undefined): boolean {
  const versions = strings(obj(conversion, 'webhook'), 'conversionReviewVersions');
  return versions.length === 0 || versions.some((version) => understood.includes(version));
}
