/** What a process of holders, lessees and watchers is told when it is started. */
export interface CoordinationSiteOptions {
  /** Begins their names. */
  readonly name: string;
  /** `host:port` of the nodes that they know at first. */
  readonly endpoints: readonly string[];
  readonly seed: number;
  /** The instant, on the machine's monotonic clock, from which times are counted. Decimal. */
  readonly startNs: string;
  /** The locks that all contend for. */
  readonly locks: readonly string[];
}
