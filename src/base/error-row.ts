/** What a row of the error table is; the rows are in `errors/`, the table in errors.ts. */

export interface ErrorRow {
  /** Kafka's protocol error code; -1 is UNKNOWN_SERVER_ERROR, used where Kafka has no word. */
  readonly kafka: number;
  readonly http: number;
  readonly rest: number;
  readonly retriable: boolean;
  readonly text: string;
}

export const row = (
  kafka: number,
  http: number,
  rest: number,
  retriable: boolean,
  text: string,
): ErrorRow => ({ kafka, http, rest, retriable, text });
