/** A boolean of the query as the API reads it: whatever is said is yes, but for `0` and `false`, however they are written. */
export function queryFlag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  return value !== null && value !== '0' && value.toLowerCase() !== 'false';
}
