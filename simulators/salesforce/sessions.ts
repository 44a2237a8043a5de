/** Sessions: tokens, whose they are, where they work, how long. Salesforce reference §1.2, §1.6. */
import { randomBytes } from 'node:crypto';
import type { Switches } from '../shared/switches';
import type { VirtualClock } from '../shared/virtual-clock';
import { orgId, type Writer } from './org';
import type { SwitchValues } from './switches';

export interface Session {
  /** How logs name the token: its secret part stays out of them. */
  label: string;
  user: Writer;
  /** Base URL that the token's answer named. */
  instanceUrl: string;
  usedAt: number;
  state: 'live' | 'expired' | 'revoked';
}

export class Sessions {
  private readonly byToken = new Map<string, Session>();
  private made = 0;
  /** Called when tokens were revoked: live streams that carry one end. */
  onRevoked: () => void = () => undefined;

  constructor(
    private readonly clock: VirtualClock,
    private readonly switches: Switches<SwitchValues>,
  ) {}

  open(user: Writer, instanceUrl: string): { token: string; session: Session } {
    this.made += 1;
    const secret = randomBytes(1500)
      .toString('base64')
      .replace(/[+/]/g, '.')
      .slice(0, this.switches.values.tokenLength);
    const token = `${orgId.slice(0, 15)}!${secret}`;
    const session: Session = {
      label: `token ${this.made}`,
      user,
      instanceUrl,
      usedAt: this.clock.now(),
      state: 'live',
    };
    this.byToken.set(token, session);
    return { token, session };
  }

  /**
   * The session of a token if it may be used now; that use keeps it alive.
   * @param host where the call arrived, as the Host header says; null: not to be checked.
   */
  use(token: string | null, host: string | null): Session | null {
    const session = token === null ? undefined : this.byToken.get(token);
    if (!session) return null;
    const now = this.clock.now();
    if (session.state === 'live' && now - session.usedAt > this.switches.values.sessionTimeoutMs) {
      session.state = 'expired';
    }
    if (session.state !== 'live') return null;
    if (this.switches.values.tokensBoundToInstance && host !== null && host !== new URL(session.instanceUrl).host) {
      return null;
    }
    session.usedAt = now;
    return session;
  }

  /** What a log may say of a token. */
  label(token: string | null): string {
    if (token === null) return 'none';
    return this.byToken.get(token)?.label ?? 'unknown token';
  }

  /** Ends one session; false when there is none of that token. */
  revoke(token: string): boolean {
    const session = this.byToken.get(token);
    if (!session || session.state !== 'live') return false;
    session.state = 'revoked';
    this.onRevoked();
    return true;
  }

  /** Ends all sessions, and with them the streams they opened. */
  revokeAll(): void {
    for (const session of this.byToken.values()) session.state = 'revoked';
    this.onRevoked();
  }

  /** All sessions time out; streams go on. */
  expireAll(): void {
    for (const session of this.byToken.values()) if (session.state === 'live') session.state = 'expired';
  }

  clear(): void {
    this.byToken.clear();
    this.made = 0;
  }
}
