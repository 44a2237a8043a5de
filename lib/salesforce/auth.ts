/** Logins by JWT bearer: one token for all who ask, one login at a time, and none in vain. */
import { sign } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../clock';
import type { Log } from '../log';
import { secureBase } from './addresses';
import { backoff } from './backoff';
import { SalesforceError } from './contract';
import type { HealthRecord } from './health';
import { type Http, NoAnswer, Transport } from './http';
import { loginError } from './login-errors';
import { loadPrivateKey, type PrivateKeySource } from './private-key';
import { jsforce } from './vendors';

export interface Token {
  accessToken: string;
  /** Where this token is valid; the next one may name another. No trailing slash. */
  instanceUrl: string;
  /** 18 or 15 characters, as the login service wrote it. */
  organizationId: string;
  userId: string;
}

export interface TokenSource {
  /**
   * The token in hand, else one login that all who ask at the same time share.
   * @throws SalesforceError, without a call while the last refusal is still to be waited out; the signal's reason.
   */
  token(signal?: AbortSignal): Promise<Token>;
  /**
   * Salesforce refused this token. The next `token()` logs in anew, at once the first time. When the new token is refused
   * as well, before it was a minute old, that is remembered as `reason` and waited out, longer each time: some API may take
   * a token that another refuses, or take each once, and a login for every call would lock the user out.
   */
  refused(token: Token, reason: SalesforceError): void;
  /** Nobody is reached where this token is valid: the org may have moved. A new login tells where to, once a minute at most. */
  unreachable(token: Token): void;
  /** Salesforce took this token. */
  accepted(token: Token): void;
}

export interface LoginOptions {
  /** Token host: https://login.salesforce.com, https://test.salesforce.com or a My Domain. */
  loginUrl: string;
  audience: string;
  /** Consumer key of the app. */
  clientId: string;
  username: string;
  privateKey: PrivateKeySource;
  http: Http;
  clock: Clock;
  log: Log;
  health: HealthRecord;
  timeoutMs: number;
}

const assertionLifeSeconds = 180;
/** After a refusal: at least half of it, at most ten minutes. */
const refusalPauseMs = 60_000;
const longestPauseMs = 600_000;
/** A token that was refused sooner was no good from the start. */
const youngMs = 60_000;
/** Between logins that failed for a passing reason. */
const temporaryPauseMs = 500;

const tokenAnswer = z.object({ access_token: z.string().min(1), instance_url: z.string().min(1), id: z.string() });

export class JwtTokenSource implements TokenSource {
  private current: Token | null = null;
  private pending: Promise<Token> | null = null;
  private failure: { error: SalesforceError; until: number } | null = null;
  /** Monotonic ms of the last login. */
  private loggedInAt = 0;
  /** The current token has worked. */
  private wasAccepted = false;
  /** Refused logins in a row, and tokens in a row that were refused young. */
  private refusedLogins = 0;
  /** Code of the last alarm. */
  private alarmed: string | null = null;
  private refusedTokens = 0;

  constructor(private readonly options: LoginOptions) {}

  async token(signal?: AbortSignal): Promise<Token> {
    signal?.throwIfAborted();
    if (this.current) return this.current;
    const { failure } = this;
    if (failure && this.options.clock.monotonic() < failure.until) throw again(failure.error);
    this.pending ??= this.login().finally(() => (this.pending = null));
    return unlessAborted(this.pending, signal);
  }

  refused(token: Token, reason: SalesforceError): void {
    if (this.current !== token) return;
    this.current = null;
    const isYoung = this.options.clock.monotonic() - this.loggedInAt < youngMs;
    const times = this.refusedTokens + 1;
    if (!isYoung) this.refusedTokens = 1;
    else this.refusedTokens = this.wasAccepted ? Math.min(2, times) : times;
    if (this.refusedTokens === 1) return;
    this.remember(reason, this.refusedTokens - 1);
    this.alarmOnce(
      'Salesforce refuses the token it has just given; the next login waits',
      reason,
      this.refusedTokens === 2,
    );
  }

  unreachable(token: Token): void {
    const isYoung = this.options.clock.monotonic() - this.loggedInAt < youngMs;
    if (this.current === token && !isYoung) this.current = null;
  }

  accepted(token: Token): void {
    if (this.current === token) this.wasAccepted = true;
    this.options.health.ok();
  }

  private async login(): Promise<Token> {
    const { log, loginUrl, username } = this.options;
    try {
      const token = await this.requestToken();
      log.info(this.refusedLogins > 0 ? 'Logged in to Salesforce again' : 'Logged in to Salesforce', {
        host: new URL(loginUrl).host,
        user: username,
      });
      this.current = token;
      this.loggedInAt = this.options.clock.monotonic();
      this.wasAccepted = false;
      this.failure = null;
      this.refusedLogins = 0;
      this.options.health.loggedIn(token.userId);
      return token;
    } catch (thrown) {
      const error = thrown instanceof SalesforceError ? thrown : unexpected(thrown);
      if (error.kind === 'temporary') {
        this.failure = { error, until: this.options.clock.monotonic() + temporaryPauseMs };
        this.options.health.failed(error);
        log.warn('The login to Salesforce failed', { code: error.code, problem: error.message });
      } else {
        this.refusedLogins += 1;
        this.remember(error, this.refusedLogins);
        this.alarmOnce('The login to Salesforce was refused', error, this.refusedLogins === 1);
      }
      throw error;
    }
  }

  /** The first time, or when it is refused for another reason; its repetitions are warnings. */
  private alarmOnce(text: string, { code, message }: SalesforceError, first: boolean): void {
    const { log } = this.options;
    const isNew = first || code !== this.alarmed;
    this.alarmed = code;
    log[isNew ? 'error' : 'warn'](text, { code, problem: message });
  }

  /** The refusal stands for 30 s, 1 min … 10 min: repeating it sooner can lock the user out. */
  private remember(error: SalesforceError, times: number): void {
    const grown = Math.min(longestPauseMs, backoff(times, refusalPauseMs, 2 * longestPauseMs));
    const pause = error.kind === 'limit' ? longestPauseMs : grown;
    this.failure = { error, until: this.options.clock.monotonic() + pause };
    this.options.health.failed(error);
  }

  private async requestToken(): Promise<Token> {
    const { loginUrl, http, timeoutMs } = this.options;
    const assertion = await this.assertion();
    const { OAuth2 } = jsforce();
    const transport = new Transport(http, { timeoutMs });
    const oauth = new OAuth2({ loginUrl });
    oauth._transport = transport;
    let answer: unknown;
    try {
      answer = await oauth.requestToken({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion });
    } catch (error) {
      if (error instanceof NoAnswer)
        throw new SalesforceError(error.code, error.message, 'temporary', { cause: error });
      if (transport.answer === null) throw error;
      throw loginError(transport.answer);
    }
    const token = tokenAnswer.safeParse(answer);
    if (!token.success) throw transport.answer ? loginError(transport.answer) : unexpected(token.error);
    const [organizationId = '', userId = ''] = token.data.id.split('/').slice(-2);
    return {
      accessToken: token.data.access_token,
      instanceUrl: this.instanceUrl(token.data.instance_url),
      organizationId,
      userId,
    };
  }

  private instanceUrl(text: string): string {
    try {
      return secureBase(text, 'The instance URL of the token');
    } catch (error) {
      throw new SalesforceError('NO_TOKEN', error instanceof Error ? error.message : String(error), 'auth');
    }
  }

  /** Read anew for each login: a key file may have been mended meanwhile. */
  private async assertion(): Promise<string> {
    const { clientId, username, audience, privateKey, clock } = this.options;
    const key = await loadPrivateKey(privateKey);
    const expires = Math.floor(clock.now() / 1000) + assertionLifeSeconds;
    const claims = { iss: clientId, sub: username, aud: audience, exp: expires };
    const unsigned = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}`;
    return `${unsigned}.${sign('RSA-SHA256', Buffer.from(unsigned), key).toString('base64url')}`;
  }
}

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** The same refusal for another caller, with a stack of its own. */
const again = (error: SalesforceError): SalesforceError =>
  new SalesforceError(error.code, error.message, error.kind, { cause: error });

const unexpected = (thrown: unknown): SalesforceError =>
  new SalesforceError('NO_TOKEN', 'The login failed before it was answered', 'temporary', { cause: thrown });

/** The shared promise for one caller, who may leave; the others go on waiting. */
function unlessAborted<T>(shared: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return shared;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    void shared.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
