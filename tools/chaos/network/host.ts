/**
 * A place in the network: `n` from 1 on is the machine of node n, on which some clients run as
 * well; 0 is where the other clients are.
 */
export type Host = number;

export const OUTSIDE: Host = 0;
