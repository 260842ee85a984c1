/**
 * Flow control for a stream of bytes over a WebSocket, which has no back-pressure of its own. Binary messages are the
 * stream, in pieces of any size. Text messages are acknowledgements, `{"ack": n}`: n bytes of what the other end has
 * sent were taken so far. Neither end sends more than {@link WINDOW_BYTES} beyond what was acknowledged; an end that
 * does is disconnected. A client that will send no more says so with {@link END_MESSAGE}, as TCP does with a FIN: the
 * service still answers what was sent before, and then closes the WebSocket. Closing the WebSocket instead would
 * discard those answers.
 */

/** Bytes that may be in flight in each direction. */
export const WINDOW_BYTES = 4_194_304;

/** An end acknowledges whenever it has taken this many bytes. */
export const ACK_BYTES = WINDOW_BYTES / 4;

/** The largest binary message, in bytes. */
export const PIECE_BYTES_MAX = 262_144;

export const END_MESSAGE = '{"end":true}';

export function ackMessage(takenBytes: number): string {
  return `{"ack":${takenBytes}}`;
}

/** The number of an acknowledgement; null where the text is none. */
export function readAck(text: string): number | null {
  const match = /^\{"ack":\s*(\d{1,15})\}$/.exec(text);
  return match ? Number(match[1]) : null;
}
