/** What tests of a leader and its followers share: appends that are answered, reads of one replica, and logs that are alike. */
import { expect } from "vitest";
import { expectOk } from "../../support/replica.ts";
import type { ReplicaSet } from "../../support/replica-set.ts";

const fetchAll = { offset: 0, maxBytes: 1_048_576, minBytes: 0, maxWaitMs: 0 } as const;
export const read = (set: ReplicaSet, brokerId: number, offset = 0) =>
  set.replica(brokerId).fetch({ ...fetchAll, offset, isolation: "read_uncommitted" });

export async function appended(set: ReplicaSet, ...values: string[]): Promise<void> {
  const answer = set.append(values);
  await set.settle();
  expectOk(await answer);
}

export function expectAlike(set: ReplicaSet): void {
  const [first, ...others] = [...set.members.keys()].map((brokerId) => set.rows(brokerId));
  for (const rows of others) expect(rows).toEqual(first);
}
