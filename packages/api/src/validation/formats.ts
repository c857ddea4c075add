import { append } from '@coxswain/host';
/** The formats of names and values; each function answers what is wrong with its argument, in upstream's words. */

export function regexText(what: string, pattern: string, ...examples: readonly string[]): string {
  return `${what} (e.g. ${examples.map((example) => `'${example}'`).join(',  or ')}, regex used for validation is '${pattern}')`;
}

export function maxLength(limit: number): string {
  return `must be no more than ${limit} characters`;
}

const nonEmptyText = 'must be non-empty';

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const subdomain = `${label}(\\.${label})*`;
const label1035 = '[a-z]([-a-z0-9]*[a-z0-9])?';
const qualified = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const labelValue = `(${qualified})?`;
const configKey = '[-._a-zA-Z0-9]+';
const percent = '[0-9]+%';
const wildcard = `\\*\\.${subdomain}`;
const cIdentifier = '[A-Za-z_][A-Za-z0-9_]*';

const compiled = new Map<string, RegExp>();

/** Patterns have nested repeats over one alphabet only; lengths are checked first, so matching stays short. */
function matches(pattern: string, value: string): boolean {
  let regex = compiled.get(pattern);
  if (regex === undefined) {
    regex = new RegExp(`^(?:${pattern})$`);
    compiled.set(pattern, regex);
  }
  return regex.test(value);
}

function check(value: string, limit: number, pattern: string, text: string): string[] {
  const problems: string[] = [];
  if (value.length > limit) problems.push(maxLength(limit));
  if (!matches(pattern, value.length > 4096 ? value.slice(0, 4096) : value)) problems.push(text);
  return problems;
}

const labelText = regexText("a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character", label, 'my-name', '123-abc');
const subdomainText = regexText("a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character", subdomain, 'example.com');
const label1035Text = regexText("a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character", label1035, 'my-name', 'abc-123');
const qualifiedText = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

/** A name that is only too many labels is told so. */
export function dns1123Label(value: string): string[] {
  const text = value.includes('.') && value.length <= 4096 && matches(subdomain, value) ? 'must not contain dots' : labelText;
  return check(value, 63, label, text);
}

export function dns1123Subdomain(value: string): string[] {
  return check(value, 253, subdomain, subdomainText);
}

export function dns1035Label(value: string): string[] {
  return check(value, 63, label1035, label1035Text);
}

export function wildcardDns1123Subdomain(value: string): string[] {
  return check(value, 253, wildcard, regexText("a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character", wildcard, '*.example.com'));
}

export function qualifiedNameProblems(value: string): string[] {
  const parts = value.split('/');
  const problems: string[] = [];
  if (parts.length > 2) {
    return [`a qualified name ${regexText(qualifiedText, qualified, 'MyName', 'my.name', '123-abc')} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  }
  const name = parts.at(-1) as string;
  if (parts.length === 2) {
    const prefix = parts[0] as string;
    if (prefix === '') problems.push(`prefix part ${nonEmptyText}`);
    else append(problems, dns1123Subdomain(prefix).map((text) => `prefix part ${text}`));
  }
  if (name === '') problems.push(`name part ${nonEmptyText}`);
  else if (name.length > 63) problems.push(`name part ${maxLength(63)}`);
  if (name.length > 4096 || !matches(qualified, name)) problems.push(`name part ${regexText(qualifiedText, qualified, 'MyName', 'my.name', '123-abc')}`);
  return problems;
}

export function labelValueProblems(value: string): string[] {
  return check(value, 63, labelValue, regexText("a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character", labelValue, 'MyValue', 'my_value', '12345'));
}

export function configMapKeyProblems(value: string): string[] {
  const problems = check(value, 253, configKey, regexText("a valid config key must consist of alphanumeric characters, '-', '_' or '.'", configKey, 'key.name', 'KEY_NAME', 'key-name'));
  if (value === '.') problems.push("must not be '.'");
  else if (value === '..') problems.push("must not be '..'");
  else if (value.startsWith('..')) problems.push("must not start with '..'");
  return problems;
}

/** What an environment variable may be called since 1.32: any printable ASCII but '='. */
export function relaxedEnvNameProblems(value: string): string[] {
  if (value === '') return ["environment variable name must be non-empty"];
  return /^[\x20-\x3c\x3e-\x7e]+$/.test(value) ? [] : ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}

export function cIdentifierProblems(value: string): string[] {
  return matches(cIdentifier, value) ? [] : [regexText("a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'", cIdentifier, 'my_name', 'MY_NAME', 'MyName')];
}

export function portNumberProblems(port: number): string[] {
  return port >= 1 && port <= 65535 ? [] : ['must be between 1 and 65535, inclusive'];
}

export function portNameProblems(name: string): string[] {
  const problems: string[] = [];
  if (name.length > 15) problems.push(maxLength(15));
  if (!/^[-a-z0-9]+$/.test(name)) problems.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(name)) problems.push('must contain at least one letter (a-z)');
  if (name.includes('--')) problems.push('must not contain consecutive hyphens');
  if (name !== '' && (name.startsWith('-') || name.endsWith('-'))) problems.push('must not begin or end with a hyphen');
  return problems;
}

export function percentProblems(value: string): string[] {
  return matches(percent, value) ? [] : [regexText('a valid percent string must be a numeric string followed by an ending \'%\'', percent, '1%', '93%')];
}

export function pathSegmentProblems(name: string, prefix = false): string[] {
  if (!prefix && (name === '.' || name === '..')) return [`may not be '${name}'`];
  return ['/', '%'].filter((char) => name.includes(char)).map((char) => `may not contain '${char}'`);
}

export const httpHeaderNameProblems = (name: string): string[] =>
  (/^[-A-Za-z0-9]+$/.test(name) ? [] : [regexText("a valid HTTP header must consist of alphanumeric characters or '-'", '[-A-Za-z0-9]+', 'X-Header-Name')]);
