import { readFileSync } from 'node:fs';
import { UsageError } from '@coxswain/service';
import { parse } from 'yaml';
import { messageOf } from '../api-types.ts';
import { checkKubeletConfiguration, ConfigurationReader } from '../configuration.ts';

export function readText(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`${what} ${path}: ${messageOf(error)}`);
  }
}

/** What a YAML file says; throws UsageError. */
export function readYaml(flag: string, path: string): unknown {
  try {
    return parse(readText(path, flag));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${flag} ${path}: ${messageOf(error).split('\n')[0] ?? ''}`);
  }
}

export function readConfiguration(path: string): ConfigurationReader {
  return new ConfigurationReader(path === '' ? {} : checkKubeletConfiguration(readYaml('--config', path), path));
}
