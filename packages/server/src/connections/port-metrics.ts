/** What was ended for taking too much, and is counted. */
export interface PortMetrics {
  /** Connections that did not get to speak HTTP/2 in time. */
  handshakes: number;
  /** Connections that asked too often whether the node is there. */
  pingFloods: number;
  /** Calls whose request did not come to its end in time. */
  slowRequests: number;
  /** Calls whose answer was not taken. */
  slowReaders: number;
  /** Answers dropped because too many were unread on their connection. */
  unreadAnswers: number;
  /** Watches turned away at `watchesPerConnectionMax`. */
  watchesRefused: number;
}

export function newPortMetrics(): PortMetrics {
  return {
    handshakes: 0,
    pingFloods: 0,
    slowRequests: 0,
    slowReaders: 0,
    unreadAnswers: 0,
    watchesRefused: 0,
  };
}
