/** For log fields: loggers print an Error's own properties only. */
export function describeError(error: unknown, options: { readonly stack?: boolean } = {}): string {
  if (!(error instanceof Error)) return String(error);
  return options.stack === true ? (error.stack ?? String(error)) : String(error);
}
