/** How the connection stands, as its calls found it. */
import type { Clock } from '../clock';
import { toId18 } from './ids';
import type { SalesforceError, SalesforceHealth } from './contract';

export class HealthRecord {
  private auth: SalesforceHealth['auth'] = 'never';
  private error: SalesforceHealth['error'] = null;
  private lastOkAt: number | null = null;
  /** 18 characters. */
  userId: string | null = null;

  constructor(private readonly clock: Clock) {}

  loggedIn(userId: string): void {
    this.userId = toId18(userId) ?? this.userId;
    this.auth = 'ok';
    this.error = null;
  }

  /** A call was answered as it should be. */
  ok(): void {
    this.lastOkAt = this.clock.now();
    this.auth = 'ok';
    this.error = null;
  }

  failed({ code, message, kind }: SalesforceError): void {
    // The call was at fault, not the connection.
    if (kind === 'query' || kind === 'permission') return;
    this.error = { code, message };
    if (kind === 'auth' || kind === 'limit' || this.auth === 'never') this.auth = 'failed';
  }

  get now(): SalesforceHealth {
    const { auth, error, lastOkAt } = this;
    return { auth, error, lastOkAt };
  }
}
