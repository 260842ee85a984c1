/** A tail's socket that keeps what it was sent. */
import type { TailSocket, TailState } from "../../src/objects/partition/reads/tails.ts";
import { recordsFrom } from "../../src/records/index.ts";
import { expectOk } from "./replica.ts";

export class TestSocket implements TailSocket {
  readonly texts: string[] = [];
  readonly pages: Uint8Array[] = [];
  closed: [code: number, reason: string] | null = null;
  state: TailState | null = null;

  sendText(text: string): void {
    this.texts.push(text);
  }
  sendBytes(bytes: Uint8Array): void {
    this.pages.push(bytes);
  }
  close(code: number, reason: string): void {
    this.closed = [code, reason];
  }
  keep(state: TailState): void {
    this.state = state;
  }
  hello(): unknown {
    return JSON.parse(this.texts[0]!);
  }
  offsets(): number[] {
    return this.pages.flatMap((page) => [...recordsFrom(page, 0)].map((r) => expectOk(r).offset));
  }
}
