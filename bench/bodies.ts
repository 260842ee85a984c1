/** The request bodies for both sides. */
import { encodeBatch } from "../src/records/index.ts";

const encoder = new TextEncoder();
const WORDS = ["gate", "delay", "origin", "runway", "carrier", "cargo", "wind", "slot", "crew"];

/** A JSON object of about `bytes` bytes, like an event of some application. */
function event(i: number, bytes: number): string {
  const head = {
    id: i,
    at: 1_700_000_000_000 + i,
    ok: i % 3 === 0,
    delay: (i * 37) % 91,
    note: "",
  };
  let note = "";
  for (let w = i; JSON.stringify(head).length + note.length < bytes; w += 1) {
    note += `${WORDS[w % WORDS.length]} `;
  }
  return JSON.stringify({ ...head, note: note.slice(0, bytes - JSON.stringify(head).length) });
}

/** A produce request of the v2 API: `records` values of `valueBytes` each. */
export function jsonBody(records: number, valueBytes: number): Uint8Array {
  const values = Array.from({ length: records }, (_, i) => `{"value":${event(i, valueBytes)}}`);
  return encoder.encode(`{"records":[${values.join(",")}]}`);
}

/** One record batch as Kafka's producers send it, uncompressed. */
export function rawBatch(records: number, valueBytes: number): Uint8Array {
  return encodeBatch(
    Array.from({ length: records }, (_, i) => ({
      timestamp: Date.now(),
      key: null,
      value: encoder.encode(event(i, valueBytes)),
      headers: [],
    })),
  );
}

export interface RawPage {
  readonly bytes: Uint8Array;
  readonly records: number;
}

/** Batches of 100 × 1 KB, as many as fit into `bytesMax`. */
export function rawPage(bytesMax: number): RawPage {
  const batch = rawBatch(100, 1_000);
  const batches = Math.floor(bytesMax / batch.length);
  const bytes = new Uint8Array(batches * batch.length);
  for (let i = 0; i < batches; i += 1) bytes.set(batch, i * batch.length);
  return { bytes, records: batches * 100 };
}
