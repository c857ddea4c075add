import bcrypt from 'bcryptjs';

/** What both hosts do: at once, for as long as `cost` says. `salt`: 16 random bytes. */
export function bcryptHashNow(password: string, cost: number, salt: Uint8Array): string {
  const settings = `$2a$${String(cost).padStart(2, '0')}$${bcrypt.encodeBase64([...salt], salt.length)}`;
  return bcrypt.hashSync(password, settings);
}

export function bcryptVerifyNow(password: string, hash: string): boolean {
  return /^\$2[abxy]?\$\d\d\$[./A-Za-z0-9]{53}$/.test(hash) && bcrypt.compareSync(password, hash);
}
