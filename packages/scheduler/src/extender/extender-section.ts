import { fromUtf8, type ClientTls } from '@coxswain/host';
import { mistake, type Section } from '../config-section.ts';
import type { ExtenderConfig } from './http-extender.ts';

/** The text of a file that the configuration names. */
export type ReadFile = (path: string) => string;

const defaultTimeoutMs = 5000;

interface ManagedResource { readonly name: string; readonly ignoredByScheduler: boolean }

function readManaged(extender: Section): readonly ManagedResource[] {
  return extender.sections('managedResources').map((item) => {
    const resource = { name: item.string('name', ''), ignoredByScheduler: item.bool('ignoredByScheduler', false) };
    item.end();
    return resource;
  });
}

/** A file's text, unless the data are there: they go first. */
function pem(tls: Section, data: string, file: string, readFile: ReadFile): string | undefined {
  const [encoded, path] = [tls.string(data, ''), tls.string(file, '')];
  if (encoded !== '') {
    try {
      return fromUtf8(Uint8Array.fromBase64(encoded));
    } catch {
      throw mistake(`${tls.path}.${data}`, 'is not base64');
    }
  }
  if (path === '') return undefined;
  try {
    return readFile(path);
  } catch (error) {
    throw mistake(`${tls.path}.${file}`, (error as Error).message);
  }
}

/** As upstream: who enables HTTPS and names no authority trusts anybody. */
function readTls(extender: Section, readFile: ReadFile): ClientTls | undefined {
  const enableHttps = extender.bool('enableHTTPS', false);
  const given = extender.raw('tlsConfig') !== undefined;
  const tls = extender.section('tlsConfig');
  const insecure = tls.bool('insecure', false);
  const serverName = tls.string('serverName', '');
  const [caPem, certPem, keyPem] = [pem(tls, 'caData', 'caFile', readFile), pem(tls, 'certData', 'certFile', readFile), pem(tls, 'keyData', 'keyFile', readFile)];
  tls.end();
  if ((certPem === undefined) !== (keyPem === undefined)) throw mistake(tls.path, 'certFile (or certData) and keyFile (or keyData) go together');
  if (insecure && caPem !== undefined) throw mistake(tls.path, 'specifying a root certificates file with the insecure flag is not allowed');
  if (!given && !enableHttps) return undefined;
  return {
    ...(caPem === undefined ? {} : { caPem }), ...(serverName === '' ? {} : { serverName }),
    ...(certPem === undefined || keyPem === undefined ? {} : { certPem, keyPem }),
    ...(insecure || (enableHttps && caPem === undefined) ? { insecureSkipVerify: true } : {}),
  };
}

function readExtender(extender: Section, readFile: ReadFile): ExtenderConfig {
  const urlPrefix = extender.string('urlPrefix', '');
  if (!URL.canParse(urlPrefix) || !/^https?:$/.test(new URL(urlPrefix).protocol)) throw mistake(`${extender.path}.urlPrefix`, 'expected a URL such as http://host:port/path');
  const weight = extender.int('weight', 0, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  const config: ExtenderConfig = {
    urlPrefix, weight,
    filterVerb: extender.string('filterVerb', ''), prioritizeVerb: extender.string('prioritizeVerb', ''),
    preemptVerb: extender.string('preemptVerb', ''), bindVerb: extender.string('bindVerb', ''),
    timeoutMs: extender.durationMs('httpTimeout', defaultTimeoutMs, 'zero-is-default'),
    nodeCacheCapable: extender.bool('nodeCacheCapable', false), ignorable: extender.bool('ignorable', false),
    managedResources: readManaged(extender).map(({ name }) => name), tls: readTls(extender, readFile),
  };
  extender.end();
  return config;
}

export function readExtenders(sections: readonly Section[], readFile: ReadFile): readonly ExtenderConfig[] {
  return sections.map((extender) => readExtender(extender, readFile));
}

/** Resources that the extenders count, so that NodeResourcesFit must not. */
export function ignoredResources(sections: readonly Section[]): readonly string[] {
  return sections.flatMap((extender) => readManaged(extender).filter(({ ignoredByScheduler }) => ignoredByScheduler).map(({ name }) => name));
}
