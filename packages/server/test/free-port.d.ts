/** A loopback port that nobody listens on, below the range from which the system gives its own. */
export declare function freePort(): Promise<number>;
//# sourceMappingURL=free-port.d.ts.map
