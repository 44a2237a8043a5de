/** What the login service says when it refuses, and what a person can do about it. */
import type { HttpResponse } from 'jsforce/core';
import { z } from 'zod';
import { SalesforceError } from './contract';

const refusal = z.object({ error: z.string(), error_description: z.string().default('') });

const tooMany = 'Too many logins; they are let in again after about an hour';

/** By `error` and `error_description`; the first that fits. */
const hints: { error: RegExp; description: RegExp; hint: string; limit?: true }[] = [
  {
    error: /^invalid_grant$/,
    description: /hasn.t approved/i,
    hint: 'Approve the app for the run-as user (its policy "Admin approved users are pre-authorized" and a permission set), and check that the login URL is that of this org',
  },
  {
    error: /^invalid_app_access$/,
    description: /./,
    hint: "Give the run-as user's profile or permission set access to the app",
  },
  {
    error: /^invalid_grant$/,
    description: /audience is invalid/i,
    hint: 'The audience must be https://login.salesforce.com for production and https://test.salesforce.com for a sandbox; set SF_AUDIENCE',
  },
  {
    error: /^invalid_grant$/,
    description: /invalid assertion/i,
    hint: 'The private key does not belong to the certificate of the app; upload the matching certificate or use the matching key',
  },
  {
    error: /^invalid_grant$/,
    description: /expired authorization code/i,
    hint: "The assertion counts as expired: set this machine's clock right",
  },
  { error: /^invalid_grant$/, description: /inactive user/i, hint: 'Activate the run-as user' },
  { error: /^invalid_grant$/, description: /locked/i, hint: 'Unlock the run-as user' },
  {
    error: /^invalid_grant$/,
    description: /ip restricted/i,
    hint: "Allow this machine's address in the login IP ranges of the user's profile, or relax them for the app",
  },
  {
    error: /^invalid_grant$/,
    description: /authentication failure/i,
    hint: "Look at the user's login history in Salesforce; it names the policy that refused",
  },
  {
    error: /^invalid_client(_id)?$/,
    description: /./,
    hint: 'Check SF_CLIENT_ID (the consumer key) and the login URL; a new app takes up to 10 minutes to be known',
  },
  {
    error: /^app_not_found$/,
    description: /./,
    hint: 'Install the External Client App in this org, and check that the login URL is that of this org',
  },
  {
    error: /^inactive_org$/,
    description: /./,
    hint: 'The org is suspended; ask its administrator',
    limit: true,
  },
  { error: /rate|limit/, description: /./, hint: tooMany, limit: true },
  { error: /./, description: /rate.*exceeded|too many/i, hint: tooMany, limit: true },
];

/**
 * A complete answer that holds no token, as an error. Kind `auth`: repeating it as it is won't help; `limit`: not before
 * long; `temporary`: the service is away.
 */
export function loginError({ statusCode, body }: HttpResponse): SalesforceError {
  if (statusCode === 429 || statusCode >= 500)
    return new SalesforceError(String(statusCode), `The login service answered ${statusCode}`, 'temporary');
  if (statusCode < 300)
    return new SalesforceError('NO_TOKEN', `The login service answered ${statusCode} without a token`, 'temporary');
  const said = refusal.safeParse(parsed(body));
  if (!said.success)
    return new SalesforceError(
      String(statusCode),
      `The login URL answered ${statusCode} and no OAuth error: check that it is a login host of Salesforce`,
      'auth',
    );
  const { error, error_description: description } = said.data;
  const known = hints.find((one) => one.error.test(error) && one.description.test(description || error));
  return new SalesforceError(
    error,
    `${error}: ${plain(description) || 'no description'}.${known ? ` ${known.hint}.` : ''}`,
    known?.limit ? 'limit' : 'auth',
  );
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

const plain = (text: string): string =>
  text
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .replace(/\.$/, '')
    .slice(0, 200);
