/** A source of chance. Cryptographic strength is not needed; in simulation it is seeded. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
}
