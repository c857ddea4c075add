import type { UsageError } from '@coxswain/service';
import type { SignatureAlgorithm } from '@coxswain/host';
import { readConfigFile, type Fields } from '../../config-file/fields.ts';
import type { AuthenticationConfig, CompiledExpression, CompileExpression, JwtIssuer, Mapping, Rule } from './config.ts';

export const signingAlgorithms: readonly SignatureAlgorithm[] = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512'];
const maxIssuers = 64;

/** What is wrong with an issuer's URL; undefined: nothing. */
export function issuerUrlProblem(text: string, disallowed: readonly string[]): string | undefined {
  if (disallowed.includes(text)) return `URL must not overlap with disallowed issuers: [${disallowed.join(' ')}]`;
  if (!URL.canParse(text)) return 'must be a URL';
  const url = new URL(text);
  if (url.protocol !== 'https:') return 'URL scheme must be https';
  if (url.username !== '' || url.password !== '') return 'URL must not contain a username or password';
  if (url.search !== '') return 'URL must not contain a query';
  return url.hash === '' ? undefined : 'URL must not contain a fragment';
}

function invalid(fields: Fields, name: string, value: string, why: string): UsageError {
  return fields.wrong(name, `Invalid value: ${JSON.stringify(value)}: ${why}`);
}

function urlOf(fields: Fields, name: string, disallowed: readonly string[]): string {
  const text = fields.required(name);
  const problem = issuerUrlProblem(text, disallowed);
  if (problem !== undefined) throw invalid(fields, name, text, problem);
  return text;
}

function audiencesOf(fields: Fields): readonly string[] {
  const audiences = fields.texts('audiences');
  const policy = fields.text('audienceMatchPolicy');
  if (audiences.length === 0) throw fields.wrong('audiences', 'Required value: at least one audience is required');
  audiences.forEach((audience, index) => {
    if (audience === '') throw fields.wrong(`audiences[${index}]`, 'Required value: audience can\'t be empty');
    if (audiences.indexOf(audience) !== index) throw fields.wrong(`audiences[${index}]`, `Duplicate value: ${JSON.stringify(audience)}`);
  });
  if (audiences.length > 1 && policy !== 'MatchAny') throw invalid(fields, 'audienceMatchPolicy', policy, 'audienceMatchPolicy must be MatchAny for multiple audiences');
  if (policy !== '' && policy !== 'MatchAny') throw invalid(fields, 'audienceMatchPolicy', policy, 'audienceMatchPolicy must be empty or MatchAny for single audience');
  return audiences;
}

function issuerFields(fields: Fields, disallowed: readonly string[]): Pick<JwtIssuer, 'url' | 'discoveryUrl' | 'caPem' | 'audiences'> {
  const url = urlOf(fields, 'url', disallowed);
  const discoveryUrl = fields.has('discoveryURL') ? urlOf(fields, 'discoveryURL', []) : undefined;
  if (discoveryUrl?.replace(/\/+$/, '') === url.replace(/\/+$/, '')) throw invalid(fields, 'discoveryURL', discoveryUrl, 'discoveryURL must be different from URL');
  const caPem = fields.text('certificateAuthority');
  if (caPem !== '' && !caPem.includes('-----BEGIN CERTIFICATE-----')) throw invalid(fields, 'certificateAuthority', '<omitted>', 'data does not contain any valid RSA or ECDSA certificates');
  const out = { url, discoveryUrl, caPem: caPem === '' ? undefined : caPem, audiences: audiencesOf(fields) };
  fields.done();
  return out;
}

interface Reader {
  readonly compile: CompileExpression;
  readonly variable?: 'claims' | 'user';
  readonly returns?: 'bool' | 'any';
}

function expressionOf(fields: Fields, name: string, { compile, variable = 'claims', returns = 'any' }: Reader): CompiledExpression | undefined {
  const text = fields.text(name);
  if (text === '') return undefined;
  try {
    return compile(variable, text, returns);
  } catch (error) {
    throw invalid(fields, name, text, error instanceof Error ? error.message : String(error));
  }
}

/** Undefined: not mapped. */
function mapping(fields: Fields | undefined, needsPrefix: boolean, reader: Reader): Mapping | undefined {
  if (fields === undefined) return undefined;
  const claim = fields.text('claim');
  const expression = expressionOf(fields, 'expression', reader);
  if (claim !== '' && expression !== undefined) throw fields.wrong('', 'Invalid value: "": claim and expression can\'t both be set');
  const hasPrefix = needsPrefix && fields.has('prefix');
  const prefix = needsPrefix ? fields.text('prefix') : '';
  fields.done();
  if (expression !== undefined) {
    if (hasPrefix) throw fields.wrong('prefix', 'Invalid value: prefix can\'t be set when expression is set');
    return { kind: 'expression', expression };
  }
  if (claim !== '' && needsPrefix && !hasPrefix) throw fields.wrong('prefix', 'Required value: prefix is required when claim is set. It can be set to an empty string to disable prefixing');
  if (claim === '' && hasPrefix) throw fields.wrong('prefix', 'Invalid value: non-empty claim name is required when prefix is set');
  return claim === '' ? undefined : { kind: 'claim', claim, prefix };
}

const reserved = /(^|\.)(kubernetes|k8s)\.io$/;

function extraOf(fields: readonly Fields[], reader: Reader): JwtIssuer['extra'] {
  const keys: string[] = [];
  return fields.map((one) => {
    const key = one.required('key');
    const [domain = '', path] = key.split('/', 2);
    if (path === undefined || path === '' || domain === '') throw invalid(one, 'key', key, 'must be a domain-prefixed path (such as "acme.io/foo")');
    if (key !== key.toLowerCase()) throw invalid(one, 'key', key, 'key must be lowercase');
    if (reserved.test(domain)) throw invalid(one, 'key', key, 'k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use');
    if (keys.includes(key)) throw one.wrong('key', `Duplicate value: ${JSON.stringify(key)}`);
    keys.push(key);
    const expression = expressionOf(one, 'valueExpression', reader);
    if (expression === undefined) throw one.wrong('valueExpression', 'Required value: valueExpression is required');
    one.done();
    return { key, expression };
  });
}

function claimRules(fields: readonly Fields[], reader: Reader): Pick<JwtIssuer, 'requiredClaims' | 'claimRules'> {
  const requiredClaims: { claim: string; value: string }[] = [];
  const rules: Rule[] = [];
  for (const one of fields) {
    const [claim, value, message] = [one.text('claim'), one.text('requiredValue'), one.text('message')];
    const expression = expressionOf(one, 'expression', { ...reader, returns: 'bool' });
    if (claim !== '' && expression !== undefined) throw one.wrong('', `Invalid value: ${JSON.stringify(claim)}: claim and expression can't both be set`);
    if (claim === '' && expression === undefined) throw one.wrong('', 'Required value: claim or expression is required');
    if (claim !== '' && message !== '') throw invalid(one, 'message', message, 'message can\'t be set when claim is set');
    if (expression !== undefined && value !== '') throw invalid(one, 'requiredValue', value, 'requiredValue can\'t be set when expression is set');
    if (requiredClaims.some((other) => claim !== '' && other.claim === claim)) throw one.wrong('claim', `Duplicate value: ${JSON.stringify(claim)}`);
    if (rules.some((other) => other.expression.text === expression?.text)) throw one.wrong('expression', `Duplicate value: ${JSON.stringify(expression?.text)}`);
    if (expression === undefined) requiredClaims.push({ claim, value });
    else rules.push({ expression, message });
    one.done();
  }
  return { requiredClaims, claimRules: rules };
}

function userRules(fields: readonly Fields[], reader: Reader): readonly Rule[] {
  return fields.map((one) => {
    const expression = expressionOf(one, 'expression', { ...reader, variable: 'user', returns: 'bool' });
    if (expression === undefined) throw one.wrong('expression', 'Required value: expression is required');
    const rule = { expression, message: one.text('message') };
    one.done();
    return rule;
  });
}

function issuerOf(fields: Fields, disallowed: readonly string[], reader: Reader): JwtIssuer {
  const issuer = fields.child('issuer');
  const mappings = fields.child('claimMappings');
  if (issuer === undefined) throw fields.wrong('issuer', 'Required value');
  if (mappings === undefined) throw fields.wrong('claimMappings', 'Required value');
  const username = mapping(mappings.child('username'), true, reader);
  if (username === undefined) throw mappings.wrong('username', 'Required value: claim or expression is required');
  const out = {
    ...issuerFields(issuer, disallowed), signingAlgorithms, ...claimRules(fields.children('claimValidationRules'), reader), username,
    groups: mapping(mappings.child('groups'), true, reader), uid: mapping(mappings.child('uid'), false, reader), extra: extraOf(mappings.children('extra'), reader),
    userRules: userRules(fields.children('userValidationRules'), reader),
  };
  mappings.done();
  fields.done();
  checkEmail(mappings, out);
  return out;
}

/** Who names users by their address must have looked at whether it is theirs. */
function checkEmail(fields: Fields, { username, extra, claimRules: rules }: JwtIssuer): void {
  if (username.kind !== 'expression' || !/\bclaims\s*\.\s*\??email\b(?!_)/.test(username.expression.text)) return;
  const all = [username.expression, ...extra.map(({ expression }) => expression), ...rules.map(({ expression }) => expression)];
  if (all.some(({ text }) => /\bclaims\s*\.\s*\??email_verified\b/.test(text))) return;
  throw invalid(fields, 'username.expression', username.expression.text,
    'claims.email_verified must be used in claimMappings.username.expression or claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when claims.email is used in claimMappings.username.expression');
}

function anonymousOf(fields: Fields | undefined): AuthenticationConfig['anonymous'] {
  if (fields === undefined) return undefined;
  const enabled = fields.bool('enabled') ?? false;
  const paths = fields.children('conditions').map((condition) => {
    const path = condition.required('path');
    condition.done();
    return path;
  });
  fields.done();
  if (!enabled && paths.length > 0) throw fields.wrong('conditions', 'enabled should be set to true when conditions are defined');
  return { enabled, paths };
}

/** --authentication-config. `disallowed`: issuers of the server's own tokens. Throws UsageError. */
export function parseAuthenticationFile(file: string, text: string, disallowed: readonly string[], compile: CompileExpression): AuthenticationConfig {
  const fields = readConfigFile(file, text, { kind: 'AuthenticationConfiguration', apiVersions: ['v1beta1', 'v1alpha1'].map((version) => `apiserver.config.k8s.io/${version}`) });
  const given = fields.children('jwt');
  if (given.length > maxIssuers) throw fields.wrong('jwt', `Too many: ${given.length}: must have at most ${maxIssuers} items`);
  const issuers = given.map((one) => issuerOf(one, disallowed, { compile }));
  issuers.forEach(({ url, discoveryUrl }, index) => {
    if (issuers.findIndex((other) => other.url === url) !== index) throw (given[index] as Fields).wrong('issuer.url', `Duplicate value: ${JSON.stringify(url)}`);
    if (discoveryUrl !== undefined && issuers.findIndex((other) => other.discoveryUrl === discoveryUrl) !== index) throw (given[index] as Fields).wrong('issuer.discoveryURL', `Duplicate value: ${JSON.stringify(discoveryUrl)}`);
  });
  const anonymous = anonymousOf(fields.child('anonymous'));
  fields.done();
  return { issuers, anonymous };
}
