/** Storage as it is when the disk is full, for one kind of statement. */
import { vi } from "vitest";
import { storageFailureOf } from "../../src/base/storage-failure.ts";
import { DurableStorage } from "../../src/objects/runtime/storage.ts";

/** Statements that begin so fail in every object, until `vi.restoreAllMocks()`. */
export function fillStorageFor(statement: string): void {
  const works = DurableStorage.prototype.all;
  vi.spyOn(DurableStorage.prototype, "all").mockImplementation(function (
    this: DurableStorage,
    sql,
    ...params
  ) {
    const isFull = sql.startsWith(statement);
    if (isFull) throw storageFailureOf(new Error("database or disk is full: SQLITE_FULL"));
    return works.call(this, sql, ...params) as never;
  });
}
