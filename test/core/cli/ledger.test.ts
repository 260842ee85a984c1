/** Proves that the ledger of the demo of a lost broker notices every fault that a log could have. */
import { describe, expect, test } from "vitest";
import { Ledger } from "../../../src/cli/demo/ledger.ts";
import { recordOf, type ProducedRecord } from "../../../src/cli/demo/produced-record.ts";

const PRODUCER = 1_000;
const SENT = [0, 1, 2].map((number) => recordOf(PRODUCER, number));

function ledgerOf(log: readonly (ProducedRecord | null)[]): Ledger {
  const ledger = new Ledger(2);
  for (const [offset, record] of SENT.entries()) ledger.acknowledged(1, offset, record);
  for (const [offset, record] of log.entries()) {
    if (record !== null) ledger.read(1, offset, record);
  }
  return ledger;
}

describe("the balance", () => {
  test("is even when each record is there once, where it was acknowledged", () => {
    const balance = { acknowledged: 3, lost: 0, duplicates: 0, problems: [] };
    expect(ledgerOf(SENT).balance).toEqual(balance);
  });

  test("takes no offence at a record that nobody was promised", () => {
    const unacknowledged = recordOf(PRODUCER, 3);
    expect(ledgerOf([...SENT, unacknowledged]).balance.problems).toEqual([]);
  });

  test("counts what is missing as lost", () => {
    const { lost, problems } = ledgerOf([SENT[0]!, null, SENT[2]!]).balance;
    expect(lost).toBe(1);
    expect(problems).toEqual(["partition 1: 1 acknowledged records are not there."]);
  });

  test("counts what stands at another's offset as lost", () => {
    const { lost, problems } = ledgerOf([SENT[1]!, SENT[0]!, SENT[2]!]).balance;
    expect(lost).toBe(2);
    expect(problems).toContain("partition 1, offset 0: not what was acknowledged there.");
  });

  test("counts what was altered as lost", () => {
    const altered = { ...SENT[0]!, flight: { ...SENT[0]!.flight, delay: -1 } };
    expect(ledgerOf([altered, SENT[1]!, SENT[2]!]).balance.lost).toBe(1);
  });

  test("counts a record that is there twice", () => {
    const { lost, duplicates, problems } = ledgerOf([...SENT, SENT[0]!]).balance;
    expect([lost, duplicates]).toEqual([0, 1]);
    expect(problems).toEqual([
      `partition 1, offset 3: record 0 of producer ${PRODUCER} once more.`,
    ]);
  });

  test("notices an offset that was given to two records", () => {
    const ledger = ledgerOf(SENT);
    ledger.acknowledged(1, 0, recordOf(PRODUCER + 1, 0));
    expect(ledger.balance.problems).toContain("partition 1, offset 0: acknowledged twice.");
  });
});
