/* As many fused multiply-adds as the core can issue: chains in registers, none of which waits for another. */
#ifdef __AVX512F__
enum { BYTES = 64, CHAINS = 16 };
#else
enum { BYTES = 32, CHAINS = 12 };
#endif
typedef double vector __attribute__((vector_size(BYTES)));

/* Does `rounds` steps in each chain, x := x * factor + more; returns how many operations that was, a step being two. */
double peak(long rounds, double factor, double more, double *x) {
  vector chain[CHAINS];
  for (int j = 0; j < CHAINS; j++) chain[j] = (vector){0} + x[j];
  for (long k = 0; k < rounds; k++)
    for (int j = 0; j < CHAINS; j++) chain[j] = chain[j] * factor + more;
  for (int j = 0; j < CHAINS; j++) x[j] = chain[j][0];
  return 2.0 * rounds * CHAINS * (BYTES / sizeof(double));
}
