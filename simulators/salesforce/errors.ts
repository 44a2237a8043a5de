/** How Salesforce says no over REST. Salesforce reference §4.6. */

export class ApiError extends Error {
  override readonly name = 'ApiError';

  /** `fields` is left out of the answer when null: not found, login, query and limit errors have none. */
  constructor(
    readonly status: number,
    readonly errorCode: string,
    message: string,
    readonly fields: string[] | null = null,
  ) {
    super(message);
  }

  /** One element of the answer's array. */
  body(): { message: string; errorCode: string; fields?: string[] } {
    const plain = { message: this.message, errorCode: this.errorCode };
    return this.fields ? { ...plain, fields: this.fields } : plain;
  }
}

export const notFound = () => new ApiError(404, 'NOT_FOUND', 'The requested resource does not exist');
export const invalidSession = () => new ApiError(401, 'INVALID_SESSION_ID', 'Session expired or invalid');
export const malformedQuery = (message: string) => new ApiError(400, 'MALFORMED_QUERY', message);

/** What a real org would answer but this simulator does not know: loud, so that no test passes by luck. */
export const notSimulated = (what: string) =>
  new ApiError(501, 'NOT_SIMULATED', `The Salesforce simulator does not know ${what}`);
