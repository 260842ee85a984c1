/** Consumer instances over HTTP: making, subscribing, reading, committing, closing, and every error on the way. */
import { describe, expect, it } from "vitest";
import { newGroup, newInstance, produce, topicOf, valuesOf } from "./consumers-support.ts";

describe("an instance", () => {
  it("reads what is there, and goes on", async () => {
    const topic = await topicOf([1, 2, 3]);
    const instance = await (await newInstance(newGroup())).subscribe(topic);
    expect(valuesOf(await instance.read(3))).toEqual([1, 2, 3]);
    await produce(topic, [4]);
    expect(valuesOf(await instance.read(1))).toEqual([4]);
    await instance.close();
  });
});
