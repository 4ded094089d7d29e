/** Transactions within one another, results of them too: a bound for what recurses over them. */
export const txnDepthMax = 8;
