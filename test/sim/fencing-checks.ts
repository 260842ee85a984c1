/**
 * Fencing tokens at the end of a run (32): every batch in the committed log that was to be written under a token lies where
 * that token was in force, by a fold of the log; and every replica remembers the token that the fold ends with.
 */
import type { History, SentBatch } from "./history.ts";
import { hasTable, nameOfRecord, recordsOf, type Mirror } from "./mirror.ts";
import type { Truth } from "./truth.ts";

type Fail = (what: string) => void;

/** Checks the committed log from its beginning, and returns the token in force at its end. */
export function checkFencing(truth: Truth, history: History, fail: Fail): string {
  const sent = new Map<string, SentBatch>();
  for (const batch of history.batches) {
    if (batch.log === truth.log) sent.set(batch.values[0]!, batch);
  }
  let token = "";
  const rows = [...truth.committed.values()].sort((a, b) => a.base_offset - b.base_offset);
  for (const row of rows) {
    // Records of a batch lie side by side: the first one stands for it.
    for (const record of recordsOf(row)) {
      const batch = sent.get(nameOfRecord(record));
      if (!batch?.fencing) continue;
      const { expected, next } = batch.fencing;
      if (expected !== undefined && expected !== token) {
        const told = `${batch.values[0]} of ${batch.producer} (${batch.outcome})`;
        fail(
          `32: ${told} was to be written under "${expected}" and is at ${record.offset} under "${token}"`,
        );
      }
      token = next ?? token;
    }
  }
  return token;
}

/** Checks the token that a replica would go by if it led. */
export function checkKeptToken(token: string, { name, disk }: Mirror, fail: Fail): void {
  const sql = "SELECT token FROM fencing ORDER BY base_offset DESC LIMIT 1";
  const kept = hasTable(disk, "fencing") ? disk.read<{ token: string }>(sql)[0]?.token : undefined;
  if ((kept ?? "") !== token) {
    fail(`32: ${name} remembers the fencing token "${kept ?? ""}", its log says "${token}"`);
  }
}
