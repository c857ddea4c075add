import type { JsonObject } from '@coxswain/api';

export function success(code: number): { readonly status: number; readonly object: JsonObject } {
  return { status: code, object: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code } };
}
