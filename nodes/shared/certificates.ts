import { readFileSync } from 'node:fs';

/**
 * PEM of the authorities that `tlsCa` names by a path; undefined: those of the system.
 * @throws Error that names the setting.
 */
export function readCertificates(path: string | null): string | undefined {
  if (path === null) return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(
      `tlsCa cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'}): it must be a PEM file of certificates.`,
      { cause: error },
    );
  }
}
