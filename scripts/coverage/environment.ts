/** Connections from the environment, by the same variables as the reference flow. */
import { systemClock as clock } from '../../lib/clock';
import type { Log } from '../../lib/log';
import type { CoverageParts } from '../../lib/provisioning/coverage';
import { createSalesforce } from '../../lib/salesforce/connection';
import { Catalogue } from '../../lib/whmcs/catalogue';
import { createWhmcs } from '../../lib/whmcs/connection';
import { UsageError } from './arguments';

export type Environment = Readonly<Record<string, string | undefined>>;

const needed = [
  'SF_LOGIN_URL',
  'SF_CLIENT_ID',
  'SF_USERNAME',
  'SF_PRIVATE_KEY_PATH',
  'WHMCS_URL',
  'WHMCS_API_IDENTIFIER',
  'WHMCS_API_SECRET',
] as const;

export interface Connected {
  parts: Omit<CoverageParts, 'fields'>;
  pricebookId: string | null;
  close(): void;
}

/**
 * Nothing is called yet. A variable that is empty counts as not set.
 * @throws UsageError that names every variable that is missing, or the one that cannot be used; it holds no value of a secret.
 */
export function connect(environment: Environment, log: Log): Connected {
  const optional = (name: string): string | undefined => environment[name]?.trim() || undefined;
  const missing = needed.filter((name) => optional(name) === undefined);
  if (missing.length > 0)
    throw new UsageError(
      `Not set: ${missing.join(', ')}. Set them as for the flow (see README.md), or try it with --demo.`,
    );
  const value = (name: (typeof needed)[number]): string => optional(name) ?? '';
  const salesforce = named('SF_LOGIN_URL', () =>
    createSalesforce({
      loginUrl: value('SF_LOGIN_URL'),
      audience: optional('SF_AUDIENCE'),
      clientId: value('SF_CLIENT_ID'),
      username: value('SF_USERNAME'),
      privateKey: { path: value('SF_PRIVATE_KEY_PATH'), passphrase: optional('SF_PRIVATE_KEY_PASSPHRASE') },
      clock,
      log,
    }),
  );
  const accessKey = optional('WHMCS_API_ACCESS_KEY');
  const whmcs = named('WHMCS_URL', () =>
    createWhmcs({
      url: value('WHMCS_URL'),
      identifier: value('WHMCS_API_IDENTIFIER'),
      secret: value('WHMCS_API_SECRET'),
      ...(accessKey === undefined ? {} : { accessKey }),
      clock,
      log,
    }),
  );
  return {
    parts: { salesforce, whmcs, catalogue: new Catalogue(whmcs, clock), clock, log },
    pricebookId: optional('PORTAL_PRICEBOOK_ID') ?? null,
    close() {
      salesforce.close();
      whmcs.close();
    },
  };
}

function named<T>(variable: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new UsageError(`${variable}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
