interface CachedResult {
  readonly containerId?: string;
  readonly config?: string;
}

function parseResult(text: string): CachedResult | undefined {
  try {
    return JSON.parse(text) as CachedResult;
  } catch {
    // Half-written by a plugin that was killed: not recognisably ours.
    return undefined;
  }
}

/**
 * The CNI library keeps a file for each attachment in one folder for the whole machine. Ours are known by the data
 * directory in their configuration, and a sandbox's loopback by the sandbox.
 */
export function ownCniResults(files: ReadonlyMap<string, string>, dataRoot: string): readonly string[] {
  const sandboxes = new Set<string>();
  const parsed = [...files].map(([name, text]) => ({ name, result: parseResult(text) }));
  for (const { result } of parsed) {
    const config = new TextDecoder().decode(Uint8Array.fromBase64(result?.config ?? ''));
    if (result?.containerId !== undefined && config.includes(`"${dataRoot}/`)) sandboxes.add(result.containerId);
  }
  return parsed.filter(({ result }) => result?.containerId !== undefined && sandboxes.has(result.containerId)).map(({ name }) => name);
}
