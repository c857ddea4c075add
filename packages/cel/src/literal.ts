import type { Token } from './lexer.ts';
import { bytesOfBinary, unescape } from './unescape.ts';
import { Uint, type CelValue } from './values.ts';

/** `sign`: what stands before a number. */
export function literalValue(token: Token, sign: string): CelValue | { readonly wrong: string } {
  switch (token.type) {
    case 'int': {
      const value = BigInt(token.text) * (sign === '-' ? -1n : 1n);
      return BigInt.asIntN(64, value) === value ? value : { wrong: 'invalid int literal' };
    }
    case 'uint': {
      const value = BigInt(token.text.slice(0, -1));
      return BigInt.asUintN(64, value) === value ? new Uint(value) : { wrong: 'invalid uint literal' };
    }
    case 'double': {
      const value = Number(sign + token.text);
      return Number.isFinite(value) ? value : { wrong: 'invalid double literal' };
    }
    case 'bytes': {
      const text = unescape(token.text.slice(1), true);
      return text === undefined ? { wrong: 'unable to unescape string' } : bytesOfBinary(text);
    }
    default: return unescape(token.text, false) ?? { wrong: 'unable to unescape string' };
  }
}
