/** One Subscribe call: how many events to ask for, and what its answers mean. */
import type { Clock, Timer } from '../../clock';
import { Credit, mostOutstanding } from './credit';
import type { FetchStream, PubSubClient } from './pubsub-client';
import { replayPreset, type ConsumerEvent, type FetchRequest, type FetchResponse } from './pubsub-schema';
import type { SchemaCache } from './schema-cache';
import { StreamFault } from './stream-fault';
import { UnreadableEventError, type Incoming, type StreamParts, type StreamStart } from './transport';

export interface PubSubStreamOptions {
  client: PubSubClient;
  parts: StreamParts;
  schemas: SchemaCache;
  clock: Clock;
}

/** The server ends a stream that owes nothing for 60 s. */
const creditlessMs = 45_000;
/**
 * The API says nothing when it takes a subscription, until there is an event or a keepalive is due. GetTopic was answered on
 * this connection, so one that is not refused within this time counts as taken; after headers a refusal follows sooner.
 */
const refusalMs = 1_000;
const refusalAfterHeadersMs = 250;

export class PubSubStream {
  private readonly credit = new Credit();
  private stream: FetchStream | null = null;
  private creditless: Timer | null = null;
  private opening: Timer | null = null;

  constructor(private readonly options: PubSubStreamOptions) {}

  /** Runs until the call has ended. @returns why it did. */
  async run(): Promise<StreamFault> {
    const { client, clock, parts } = this.options;
    const { signal, channel } = parts;
    if (signal.aborted) return new StreamFault('temporary', 'ECLOSED', 'The stream was given up');
    const count = this.credit.wanted(parts.capacity(), 0);
    if (count === 0) return new StreamFault('temporary', 'NO_ROOM', 'There is no room for events');
    this.credit.asked(count);
    const opensIn = (ms: number): void => {
      this.opening?.cancel();
      this.opening = clock.after(ms, () => parts.opened());
    };
    opensIn(refusalMs);
    const stream = client.subscribe(
      { topicName: channel, ...placeOf(parts.start), numRequested: count },
      () => opensIn(refusalAfterHeadersMs),
      (response) => this.receive(response),
    );
    this.stream = stream;
    parts.onRoom(() => this.topUp());
    const onAbort = (): void => stream.cancel();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await stream.ended;
    } finally {
      this.stream = null;
      this.opening?.cancel();
      this.creditless?.cancel();
      signal.removeEventListener('abort', onAbort);
    }
  }

  private receive(response: FetchResponse): void {
    const { parts } = this.options;
    this.credit.came(response.events.length);
    if (response.events.length === 0) parts.alive(base64(response.latestReplayId));
    else parts.events(response.events.map((event) => this.incoming(event)));
    this.topUp();
  }

  /** Asks for more events if there is room; and never owes none for a minute, or the server ends the stream. */
  private topUp(): void {
    const { clock, parts } = this.options;
    if (!this.stream || parts.signal.aborted) return;
    this.ask(this.credit.wanted(parts.capacity(), parts.held));
    if (this.credit.owed > 0) {
      this.creditless?.cancel();
      this.creditless = null;
    } else
      this.creditless ??= clock.after(creditlessMs, () => {
        this.creditless = null;
        // Nothing can be stored: one more is held here.
        if (this.credit.owed === 0 && parts.held < mostOutstanding) this.ask(1);
        if (this.credit.owed === 0) this.topUp();
      });
  }

  private ask(numRequested: number): void {
    if (numRequested === 0 || !this.stream) return;
    this.credit.asked(numRequested);
    this.stream.request({ topicName: this.options.parts.channel, numRequested });
  }

  private incoming({ event, replayId }: ConsumerEvent): Incoming {
    const { client, schemas, parts } = this.options;
    return {
      eventId: event.id,
      replayId: base64(replayId),
      raw: () => event.payload.toString('base64'),
      async decode() {
        const decode = await schemas.decoder(event.schemaId, (id) => client.schema(id, parts.signal), parts.signal);
        try {
          return decode(event.payload);
        } catch (error) {
          const why = error instanceof Error ? error.message : String(error);
          throw new UnreadableEventError(`The payload does not fit its schema ${event.schemaId}: ${why}`);
        }
      },
    };
  }
}

function placeOf(start: StreamStart): Pick<FetchRequest, 'replayPreset' | 'replayId'> {
  const { LATEST, EARLIEST, CUSTOM } = replayPreset;
  if ('replayId' in start) return { replayPreset: CUSTOM, replayId: Buffer.from(start.replayId, 'base64') };
  return { replayPreset: start.preset === 'LATEST' ? LATEST : EARLIEST };
}

/** Null for none, and for an empty one. */
const base64 = (bytes: Buffer | undefined): string | null =>
  bytes === undefined || bytes.length === 0 ? null : bytes.toString('base64');
