/** Decoders by schema id. An id always means the same schema, so each is asked for once. */
import { payloadDecoder, type PayloadDecoder } from './avro';

/** A schema that cannot be used: its events are unreadable, now and later. */
export class UnusableSchema extends Error {
  override readonly name = 'UnusableSchema';
}

export class SchemaCache {
  private readonly decoders = new Map<string, Promise<PayloadDecoder>>();

  /**
   * @param ask asks Salesforce for the schema's JSON; null: it knows no such schema.
   * @throws UnusableSchema; what `ask` throws, and then the next call asks again.
   */
  decoder(schemaId: string, ask: (schemaId: string) => Promise<string | null>): Promise<PayloadDecoder> {
    const known = this.decoders.get(schemaId);
    if (known) return known;
    const asked = ask(schemaId).then((schemaJson) => {
      if (schemaJson === null) throw new UnusableSchema(`Salesforce knows no schema ${schemaId}`);
      try {
        return payloadDecoder(schemaJson);
      } catch (error) {
        throw new UnusableSchema(
          `The schema ${schemaId} cannot be used: ${error instanceof Error ? error.message : ''}`,
        );
      }
    });
    this.decoders.set(schemaId, asked);
    asked.catch(() => this.decoders.delete(schemaId));
    return asked;
  }
}
