import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FieldTexts } from '../openapi/types.ts';

interface Texts { readonly type: string | undefined; readonly fields: ReadonlyMap<string, string> }

const declaration = /(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*)?export (?:interface|type) (\w+)([^;{]*\{([\s\S]*?)\n\}|[^;]*;)/g;
const member = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*(?:readonly )?["']?([\w$-]+)["']?\??:/g;

function clean(comment: string): string {
  return comment.replaceAll(/\n\s*\* ?/g, '\n').trim();
}

function parse(source: string): Map<string, Texts> {
  const types = new Map<string, Texts>();
  for (const [, comment, name, , body = ''] of source.matchAll(declaration)) {
    const fields = new Map([...body.matchAll(member)].map((match) => [match[2] as string, clean(match[1] as string)]));
    types.set(name as string, { type: comment === undefined ? undefined : clean(comment), fields });
  }
  return types;
}

/** `io.k8s.api.apps.v1.Deployment` → `apps/v1.d.ts` and `Deployment`. */
function placeOf(typeName: string): { readonly file: string; readonly name: string } {
  const parts = typeName.split('.');
  const [folder = '', version = '', name = ''] = parts.slice(-3);
  return { file: join(folder, `${version}.d.ts`), name };
}

/**
 * The documentation of fields for `kubectl explain`, out of the type declarations of kubernetes-types; each file is read when one of its
 * types is first asked for. Types that are newer than that package have no text.
 */
export function fieldTexts(): FieldTexts {
  const root = dirname(fileURLToPath(import.meta.resolve('kubernetes-types/package.json')));
  const files = new Map<string, Map<string, Texts>>();
  const textsOf = (typeName: string): Texts | undefined => {
    const { file, name } = placeOf(typeName);
    let types = files.get(file);
    if (types === undefined) {
      const path = join(root, file);
      types = existsSync(path) ? parse(readFileSync(path, 'utf8')) : new Map<string, Texts>();
      files.set(file, types);
    }
    return types.get(name);
  };
  return { ofType: (typeName) => textsOf(typeName)?.type, ofField: (typeName, field) => textsOf(typeName)?.fields.get(field) };
}
