/** OAuth 2.0 JWT bearer: checks an assertion as Salesforce does, and says no in its words. Salesforce reference §1. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { compactVerify, decodeJwt, decodeProtectedHeader } from 'jose';
import { z } from 'zod';
import type { Ledger } from '../shared/ledger';
import type { Switches } from '../shared/switches';
import type { VirtualClock } from '../shared/virtual-clock';
import { orgId, type Writer } from './org';
import type { Sessions } from './sessions';
import type { SwitchValues } from './switches';

const grantType = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const hourMs = 3_600_000;

/** Answered as HTTP 400 { error, error_description }. */
export class OAuthError extends Error {
  override readonly name = 'OAuthError';

  constructor(
    readonly error: string,
    readonly description: string,
  ) {
    super(`${error}: ${description}`);
  }
}

const refused = (description: string) => new OAuthError('invalid_grant', description);

const claimsSchema = z.looseObject({
  iss: z.string(),
  sub: z.string(),
  aud: z.union([z.string(), z.array(z.string())]),
  exp: z.number(),
});

const userStates = {
  inactive: 'inactive user',
  locked: 'user is locked',
  ipRestricted: 'ip restricted',
  authenticationFailure: 'authentication failure',
} as const;

export interface TokenAnswer {
  access_token: string;
  scope: string;
  instance_url: string;
  id: string;
  token_type: 'Bearer';
}

/** The one connected app that the org knows. */
export class ConnectedApp {
  private readonly key: KeyObject;
  private readonly logins = new Map<string, number[]>();

  constructor(
    private readonly app: { consumerKey: string; publicKeyPem: string },
    private readonly userOf: (username: string) => Writer | null,
    private readonly sessions: Sessions,
    private readonly clock: VirtualClock,
    private readonly switches: Switches<SwitchValues>,
    private readonly ledger: Ledger,
  ) {
    // Takes a public key and a certificate alike.
    this.key = createPublicKey(app.publicKeyPem);
  }

  /**
   * Exchanges an assertion for a token.
   * @param form the posted fields. @param base the simulator's own URL.
   * @throws OAuthError
   */
  async token(form: URLSearchParams, base: string): Promise<TokenAnswer> {
    const user = claimedUser(form);
    try {
      const answer = await this.exchange(form, base);
      this.ledger.add('login', { user, outcome: 'success' });
      return answer;
    } catch (error) {
      if (error instanceof OAuthError) this.ledger.add('login', { user, outcome: error.message });
      throw error;
    }
  }

  /** Token requests per username so far, refused ones too. */
  loginCounts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { user } of this.ledger.entries('login')) counts[String(user)] = (counts[String(user)] ?? 0) + 1;
    return counts;
  }

  clear(): void {
    this.logins.clear();
  }

  private async exchange(form: URLSearchParams, base: string): Promise<TokenAnswer> {
    const { values } = this.switches;
    if (form.get('grant_type') !== grantType)
      throw new OAuthError('unsupported_grant_type', 'grant type not supported');
    const assertion = form.get('assertion');
    if (!assertion) throw new OAuthError('invalid_request', 'assertion is required');
    const claims = readClaims(assertion);
    if (values.appState === 'notInstalled') {
      throw new OAuthError('app_not_found', 'External client app is not installed in this org');
    }
    if (claims.iss !== this.app.consumerKey || values.appState === 'tooYoung') {
      throw new OAuthError('invalid_client_id', 'client identifier invalid');
    }
    await this.checkSignature(assertion);
    if (typeof claims.aud !== 'string' || !values.audiences.includes(claims.aud)) throw refused('audience is invalid');
    this.checkExpiry(claims.exp);
    const user = this.checkUser(claims.sub);
    const instanceUrl = values.instanceUrl ?? base;
    return {
      access_token: this.sessions.open(user, instanceUrl).token,
      scope: values.scope,
      instance_url: instanceUrl,
      id: `${base}/id/${orgId}/${user.userId}`,
      token_type: 'Bearer',
    };
  }

  private async checkSignature(assertion: string): Promise<void> {
    try {
      await compactVerify(assertion, this.key, { algorithms: ['RS256'] });
    } catch {
      throw refused('invalid assertion');
    }
  }

  private checkExpiry(exp: number): void {
    const { expPastSeconds, expFutureSeconds, expClock } = this.switches.values;
    const past = (now: number) => exp <= now / 1000 - expPastSeconds;
    const future = (now: number) => exp > now / 1000 + expFutureSeconds;
    const [virtual, wall] = [this.clock.now(), Date.now()];
    if (expClock === 'either' && !past(wall) && !future(wall)) return;
    if (past(virtual)) throw refused('expired authorization code');
    if (future(virtual)) throw refused('invalid assertion');
  }

  private checkUser(username: string): Writer {
    const { values } = this.switches;
    if (values.orgState === 'inactive') throw new OAuthError('inactive_org', 'organization is inactive');
    const user = this.userOf(username);
    if (!user || !values.approvedUsers.includes(username)) throw refused("user hasn't approved this consumer");
    if (values.unapprovedByAdmin.includes(username)) {
      throw new OAuthError('invalid_app_access', 'user is not admin approved to access this app');
    }
    if (values.userState !== 'active') throw refused(userStates[values.userState]);
    this.countLogin(username);
    return user;
  }

  /** More logins in an hour than allowed block the user until the hour is over. */
  private countLogin(username: string): void {
    const now = this.clock.now();
    const recent = (this.logins.get(username) ?? []).filter((at) => at > now - hourMs);
    if (recent.length >= this.switches.values.loginsPerHour) {
      throw new OAuthError('rate_limit_exceeded', 'login rate exceeded');
    }
    this.logins.set(username, [...recent, now]);
  }
}

function readClaims(assertion: string): z.infer<typeof claimsSchema> {
  try {
    decodeProtectedHeader(assertion);
    return claimsSchema.parse(decodeJwt(assertion));
  } catch {
    throw refused('invalid assertion');
  }
}

/** The user an assertion names, proven or not: for the ledger and for faults. */
export function claimedUser(form: URLSearchParams): string {
  try {
    return String(decodeJwt(form.get('assertion') ?? '').sub ?? '');
  } catch {
    return '';
  }
}
