/** Proves that the outcome of a watch reaches the next request, and that a watch that has failed hides nothing. */
import { expect, test } from "vitest";
import { refuse, type Refusal } from "../../../src/base/errors.ts";
import type { FetchRequest } from "../../../src/objects/contracts/partition.ts";
import type { StreamedFetch } from "../../../src/objects/contracts/transfer.ts";
import { PartitionWatches } from "../../../src/kafka/watches.ts";
import type { PartitionReader } from "../../../src/gateway/partition-reader.ts";

const ENDS = { logStartOffset: 0, highWatermark: 5, lastStableOffset: 5 };
const FROM = { offset: 5, isolation: "read_uncommitted" } as const;

/** A reader that answers when the test says so, and notes how it was asked. */
class TestReader {
  readonly asked: { readonly request: FetchRequest; readonly once: boolean }[] = [];
  private answer: ((page: StreamedFetch | Refusal) => void) | null = null;

  stream(request: FetchRequest, once = false): Promise<StreamedFetch | Refusal> {
    this.asked.push({ request, once });
    return new Promise((resolve) => {
      this.answer = resolve;
    });
  }

  answers(page: StreamedFetch | Refusal): void {
    this.answer!(page);
  }
}

function watched(): { readonly watches: PartitionWatches; readonly reader: TestReader } {
  const watches = new PartitionWatches();
  const reader = new TestReader();
  watches.begin("p", reader as unknown as PartitionReader, FROM, ENDS);
  return { watches, reader };
}

const page = (sizeBytes: number): StreamedFetch => ({
  ok: true,
  ...ENDS,
  nextOffset: 5,
  partitionEpoch: 1,
  sizeBytes,
  body: null,
  bytes: async () => new Uint8Array(sizeBytes),
});

test("a leader that has moved is heard of by whoever asks next, who looks for the new one", async () => {
  const { watches, reader } = watched();
  // A watch that looked for the leader itself would meanwhile answer that nothing has arrived.
  expect(reader.asked.map(({ once }) => once)).toEqual([true]);
  expect(watches.find("p", 5, "read_uncommitted")?.state).toBe("waiting");
  reader.answers(refuse("NOT_LEADER_OR_FOLLOWER"));
  await watches.change(60_000);
  expect(watches.hasArrived("p")).toBe(true);
  expect(watches.find("p", 5, "read_uncommitted")).toMatchObject({ state: "arrived", page: null });
});

test("what has come is kept for whoever asks next, at the same offset only", async () => {
  const { watches, reader } = watched();
  reader.answers(page(100));
  await watches.change(60_000);
  expect(watches.find("p", 5, "read_uncommitted")?.page?.records.byteLength).toBe(100);
  expect(watches.find("p", 6, "read_uncommitted")).toBeNull();
  expect(watches.find("p", 5, "read_committed")).toBeNull();
});

test("where nothing came until its end, the next one begins anew", async () => {
  const { watches, reader } = watched();
  reader.answers(page(0));
  await watches.change(60_000);
  expect(watches.find("p", 5, "read_uncommitted")).toBeNull();
  expect(watches.hasArrived("p")).toBe(false);
});
