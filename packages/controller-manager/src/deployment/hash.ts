import { utf8 } from '@coxswain/host';
import type { PodTemplateSpec } from 'kubernetes-types/core/v1';
import { canonicalJson } from '../common/object.ts';

/** No vowels and nothing that reads like one, so that no words come out. */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';

export function fnv1a32(data: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of data) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

/** Digits as letters, as names of built-in controllers have them. */
export function safeEncode(text: string): string {
  return Array.from(utf8(text), (byte) => alphabet[byte % alphabet.length]).join('');
}

/** Short text for anything; `collisions` makes another one where two things met. */
export function shortHash(value: unknown, collisions: number | undefined): string {
  return safeEncode(String(fnv1a32(utf8(canonicalJson(value) + (collisions === undefined ? '' : String(collisions))))));
}

/** Value of pod-template-hash. The same text as upstream's only in form: nothing may compute it but its maker. */
export function templateHash(template: PodTemplateSpec | undefined, collisions: number | undefined): string {
  return shortHash(template, collisions);
}
