const reserved = new Set(['true', 'false', 'null', 'in', 'as', 'break', 'const', 'continue', 'else', 'for', 'function', 'if', 'import', 'let', 'loop', 'package', 'namespace', 'return', 'var', 'void', 'while']);
const escapes: Readonly<Record<string, string>> = { '__': '__underscores__', '.': '__dot__', '-': '__dash__', '/': '__slash__' };
const unescapes = new Map(Object.entries(escapes).map(([text, escaped]) => [escaped, text]));

/** A property's name as expressions select it (`__dash__`, `__namespace__`); undefined: they cannot. */
export function escapeName(name: string): string | undefined {
  if (reserved.has(name)) return `__${name}__`;
  if (!/^[A-Za-z_./-][A-Za-z0-9_./-]*$/.test(name)) return undefined;
  return name.replace(/__|[./-]/g, (part) => escapes[part] as string);
}

export function unescapeName(name: string): string | undefined {
  let ok = true;
  const text = name.replace(/__[^_]+__/g, (part) => {
    const plain = unescapes.get(part);
    if (plain !== undefined) return plain;
    const word = part.slice(2, -2);
    if (!reserved.has(word) || part.length !== name.length) ok = false;
    return word;
  });
  return ok ? text : undefined;
}
