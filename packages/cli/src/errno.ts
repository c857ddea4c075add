interface SystemError {
  readonly code?: string;
  readonly path?: string;
  readonly message: string;
}

/** What to do about an error of the operating system, in one line; other errors as they are. */
export function explainError(error: SystemError): string {
  const { code, path } = error;
  if (path === undefined) return error.message;
  switch (code) {
    case 'EACCES':
    case 'EPERM': return `${path}: permission denied; run it with sudo`;
    case 'EEXIST':
    case 'ENOTDIR': return `${path} is in the way of a directory; remove or rename it`;
    case 'ENOSPC': return `${path}: no space left; free some, or choose another place with --data`;
    case 'EROFS': return `${path} is on a read-only file system; choose another place with --data`;
    default: return error.message;
  }
}
