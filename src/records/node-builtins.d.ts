/** The functions of Node's modules that are used here, with the types that Node and workerd share. */

declare module "node:zlib" {
  interface OutputBound {
    /** A RangeError is thrown if the output would be longer. */
    readonly maxOutputLength?: number;
  }
  export function gzipSync(bytes: Uint8Array): Uint8Array;
  export function gunzipSync(bytes: Uint8Array, bound?: OutputBound): Uint8Array;
  export function zstdCompressSync(bytes: Uint8Array): Uint8Array;
  export function zstdDecompressSync(bytes: Uint8Array, bound?: OutputBound): Uint8Array;
  export type Gunzip = AsyncIterable<Uint8Array>;
  export function createGunzip(): Gunzip;
}

declare module "node:stream" {
  import type { Gunzip } from "node:zlib";
  /** An error of either side ends both. */
  export function pipeline(
    from: AsyncIterable<Uint8Array>,
    to: Gunzip,
    ended: (error: unknown) => void,
  ): Gunzip;
}

declare module "node:buffer" {
  export function isUtf8(bytes: Uint8Array): boolean;
}
