/** What a proxy does to the traffic of its broker, until it is told otherwise. */
export type Trouble =
  /**
   * Nothing arrives any more, in one direction or both; connections stay open and silent, new ones are taken and as silent. When it is
   * lifted, what waited is delivered (a cable was out), or what was open stays silent for ever (a firewall forgot it).
   */
  | { readonly type: 'cut'; readonly direction: 'both' | 'to-broker' | 'to-client'; readonly afterwards: 'delivered' | 'dead' }
  /** Nobody listens; what is open stays. */
  | { readonly type: 'refuse' }
  /** Every chunk comes later, by the delay and a random part of the jitter, each way. */
  | { readonly type: 'delay'; readonly delayMs: number; readonly jitterMs: number }
  /** A narrow link, each way of each connection. */
  | { readonly type: 'narrow'; readonly bytesPerSecond: number }
  /** Every nth request of a sort is forwarded and done, but its reply is swallowed; then the connection is reset, or says nothing more. */
  | { readonly type: 'lose-reply'; readonly to: 'produce' | 'commit' | 'any'; readonly every: number; readonly then: 'reset' | 'silence' };
