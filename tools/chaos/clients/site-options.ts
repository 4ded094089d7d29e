/** What a process of clients is told when it is started, as JSON on its command line. */
export interface SiteOptions {
  /** Begins the names of its clients. */
  readonly name: string;
  /** `host:port` of the nodes that its clients know at first. */
  readonly endpoints: readonly string[];
  /** Where its eventual reads go, with the name of that node. */
  readonly local: { readonly node: string; readonly endpoint: string };
  readonly clients: number;
  readonly seed: number;
  /** The instant, on the machine's monotonic clock, from which times are counted. Decimal. */
  readonly startNs: string;
  /** Longest pause of a client between two operations. */
  readonly thinkMsMax: number;
  readonly electionTimeoutMs: number;
  /** Some reads are recorded with an older value: the checker must find them. */
  readonly sabotage: boolean;
}
