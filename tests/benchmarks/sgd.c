/* The same training in C, d = 1: as the formulas stand (two loops), and with rnnkernel's one loop for each step. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef POLYNOMIAL /* rnnkernel/_math.py; rint in place of an addition that -ffast-math would undo */
static inline double activation(double x) {
  const double round = 6755399441055744.0;
  double h = fmin(fmax(x, -20.0), 20.0);
  double n = rint(h * 2.885390081777926815), shifted = n + round, s;
  int64_t bits;
  memcpy(&bits, &shifted, 8);
  bits = (bits - INT64_C(4843621399236968448) + 1023) << 52;
  memcpy(&s, &bits, 8);
  double r = h - n * 0.34657359027997265471, z = r * r;
  double over = r * ((0.0010408975546491264 * z + 0.10936345500886095) * z + 0.984375);
  double under = (0.01562038255943489 * z + 0.4374884550088553) * z + 0.984375;
  return ((s + 1.0) * over + (s - 1.0) * under) / ((s - 1.0) * over + (s + 1.0) * under);
}
#else
static inline double activation(double x) { return tanh(x); }
#endif

/* S: the state, then the next one; work: 2 N numbers, zero at the start. */
#define ARGUMENTS                                                                                                \
  long N, long steps, const double *restrict x, const double *restrict y, double scale, double rate,             \
      double *restrict C, double *restrict W, double *restrict B, double *restrict S, double *restrict work

void two_loops(ARGUMENTS) {
  double *restrict next = work, *restrict CD = work + N;
  double m = 0;
  for (long i = 0; i < N; i++) m += B[i] * S[i];
  m /= N;
  for (long k = 0; k < steps; k++) {
    double output = 0, q = 0, memory = 0;
    for (long i = 0; i < N; i++) {
      next[i] = activation(W[i] * x[k] + m);
      CD[i] = C[i] * (1 - next[i] * next[i]);
      output += C[i] * next[i];
      q += CD[i];
    }
    double move = rate * scale * (y[k] - scale * output), move_x = move * x[k], move_q = move * q / N;
    for (long i = 0; i < N; i++) {
      C[i] += move * next[i];
      W[i] += move_x * CD[i];
      B[i] += move_q * S[i];
      memory += B[i] * next[i];
      S[i] = next[i];
    }
    m = memory / N;
  }
}

void one_loop(ARGUMENTS) {
  double *restrict before = work, *restrict CD = work + N;
  double m = 0, move = 0, move_x = 0, move_q = 0;
  for (long i = 0; i < N; i++) m += B[i] * S[i];
  m /= N;
  for (long k = 0; k < steps; k++) {
    double output = 0, q = 0, held = 0, cross = 0;
    for (long i = 0; i < N; i++) { /* finish the last step, take the next */
      C[i] += move * S[i];
      W[i] += move_x * CD[i];
      B[i] += move_q * before[i];
      double next = activation(W[i] * x[k] + m);
      CD[i] = C[i] * (1 - next * next);
      output += C[i] * next;
      q += CD[i];
      held += B[i] * next;
      cross += S[i] * next;
      before[i] = S[i];
      S[i] = next;
    }
    move = rate * scale * (y[k] - scale * output), move_x = move * x[k], move_q = move * q / N;
    m = (held + move_q * cross) / N;
  }
  for (long i = 0; i < N; i++) {
    C[i] += move * S[i];
    W[i] += move_x * CD[i];
    B[i] += move_q * before[i];
  }
}
