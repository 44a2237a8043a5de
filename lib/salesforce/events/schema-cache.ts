/** Decoders by schema id. An id always means the same schema, so each is asked for once. */
import { pause, type Clock } from '../../clock';
import { backoff } from '../backoff';
import { payloadDecoder, type PayloadDecoder } from './avro';
import { StreamFault } from './stream-fault';
import { UnreadableEventError } from './transport';

/** A schema that did not come for a passing reason is asked for again so often, with pauses; ms. */
const mostTries = 4;
const firstRetryMs = 500;
const longestRetryMs = 5_000;

export class SchemaCache {
  private readonly decoders = new Map<string, Promise<PayloadDecoder>>();

  constructor(
    private readonly clock: Clock,
    private readonly random?: () => number,
  ) {}

  /**
   * @param ask asks Salesforce for the schema's JSON; null: it knows no such schema.
   * @throws UnreadableEventError when the schema can't be used, now or later; else what `ask` throws, and the next call asks
   * again; the signal's reason.
   */
  decoder(
    schemaId: string,
    ask: (schemaId: string) => Promise<string | null>,
    signal: AbortSignal,
  ): Promise<PayloadDecoder> {
    const known = this.decoders.get(schemaId);
    if (known) return known;
    const asked = this.ask(schemaId, ask, signal).then((schemaJson) => decoderOf(schemaId, schemaJson));
    this.decoders.set(schemaId, asked);
    asked.catch(() => this.decoders.delete(schemaId));
    return asked;
  }

  private async ask(
    schemaId: string,
    ask: (schemaId: string) => Promise<string | null>,
    signal: AbortSignal,
  ): Promise<string | null> {
    for (let tries = 1; ; tries++) {
      try {
        return await ask(schemaId);
      } catch (error) {
        const passes = error instanceof StreamFault && error.kind === 'temporary';
        if (!passes || tries === mostTries) throw error;
        await pause(this.clock, backoff(tries, firstRetryMs, longestRetryMs, this.random), signal);
      }
    }
  }
}

function decoderOf(schemaId: string, schemaJson: string | null): PayloadDecoder {
  if (schemaJson === null) throw new UnreadableEventError(`Salesforce knows no schema ${schemaId}`);
  try {
    return payloadDecoder(schemaJson);
  } catch (error) {
    throw new UnreadableEventError(
      `The schema ${schemaId} cannot be used: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
