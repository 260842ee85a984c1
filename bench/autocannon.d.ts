/** The part of autocannon that the load process uses; the package brings no types. */
declare module "autocannon" {
  interface LoadedRequest {
    readonly method: string;
    readonly path: string;
    readonly headers: Record<string, string>;
    readonly body?: Buffer;
  }
  interface Connection {
    setRequests(requests: readonly LoadedRequest[]): void;
  }
  interface Options {
    readonly url: string;
    readonly connections: number;
    /** Seconds. */
    readonly duration: number;
    /** Seconds. */
    readonly timeout: number;
    readonly setupClient: (connection: Connection) => void;
  }
  interface Report {
    readonly requests: { readonly total: number };
    readonly throughput: { readonly total: number };
    /** Seconds. */
    readonly duration: number;
    readonly non2xx: number;
    readonly errors: number;
    readonly timeouts: number;
  }
  export default function autocannon(options: Options): Promise<Report>;
}
