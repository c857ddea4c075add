import { fromUtf8, utf8, type ComputeTask } from '@coxswain/host';
import { stringifyAny } from '../json/any.ts';
import { YamlSyntaxError } from '../json/syntax-error.ts';
import { scanYaml } from './yaml.ts';

type Head = { readonly strictErrors: readonly string[] } | { readonly error: string; readonly offset: number };

function toJson(input: Uint8Array): string {
  try {
    const { value, strictErrors = [] } = scanYaml(input);
    return `${JSON.stringify({ strictErrors } satisfies Head)}\n${stringifyAny(value)}`;
  } catch (error) {
    if (error instanceof YamlSyntaxError) return `${JSON.stringify({ error: error.message, offset: error.offset } satisfies Head)}\n`;
    throw error;
  }
}

/** `scanYaml` for a thread of its own: YAML takes some twenty times as long to read as JSON. Answers what `readYamlAnswer` reads. */
export const yamlToJson: ComputeTask = { module: import.meta.url, name: 'yamlToJson', run: (input) => utf8(toJson(input)) };

/** The document as JSON, which is left to read, and what else `scanYaml` would say of it. Throws YamlSyntaxError. */
export function readYamlAnswer(output: Uint8Array): { readonly json: Uint8Array; readonly strictErrors: readonly string[] } {
  const end = output.indexOf(10);
  const head = JSON.parse(fromUtf8(output.subarray(0, end))) as Head;
  if ('error' in head) throw new YamlSyntaxError(head.error, head.offset);
  return { json: output.subarray(end + 1), strictErrors: head.strictErrors };
}
