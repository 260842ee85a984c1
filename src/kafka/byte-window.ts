/**
 * How two ends of a WebSocket that carries a stream of bytes hold each other up: a WebSocket has no
 * back-pressure of its own. Binary messages are the stream, in pieces of any size. Text messages are
 * acknowledgements, `{"ack": n}`: n bytes of what the other end has sent were taken so far. Nobody sends
 * more than {@link WINDOW_BYTES} beyond what was acknowledged, and whoever does is cut off. A client that will
 * send no more says so by {@link END_MESSAGE}, as TCP does by its FIN: what it has sent is served still, which a
 * WebSocket's close does not see to; then the service closes it.
 */

/** Bytes that may be under way in each direction. */
export const WINDOW_BYTES = 4_194_304;

/** An end acknowledges whenever it has taken so many bytes. */
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
