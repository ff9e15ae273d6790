/** Where the stand-in finds its surroundings. */
export const VARIABLES = {
  browser: 'FAKE_ELECTRON_BROWSER',
  userData: 'FAKE_ELECTRON_USER_DATA',
  keychain: 'FAKE_ELECTRON_KEYCHAIN',
  root: 'FAKE_ELECTRON_ROOT',
} as const;

export function setting(name: keyof typeof VARIABLES): string {
  const value = process.env[VARIABLES[name]];
  if (value === undefined) throw new Error(`${VARIABLES[name]} is not set`);
  return value;
}
