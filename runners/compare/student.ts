/** Student's t distribution. Pure. */

/**
 * The value that a t-distributed variable exceeds with this probability: 2.262 for 0.025 and 9 degrees of freedom.
 * @param tail above 0, up to 0.5
 * @param df degrees of freedom, above 0; Infinity is the normal distribution
 */
export function studentQuantile(tail: number, df: number): number {
  // With so many degrees of freedom the two differ by less than one in a million.
  const bounded = Math.min(df, 1e7);
  let [low, high] = [0, 1];
  while (tailBeyond(high, bounded) > tail && high < 1e300) high *= 2;
  for (let i = 0; i < 100 && high - low > 1e-12 * high; i++) {
    const middle = (low + high) / 2;
    if (tailBeyond(middle, bounded) > tail) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** P(T > t) for t ≥ 0: half the regularized incomplete beta function I_x(df / 2, 1 / 2) at x = df / (df + t²). */
function tailBeyond(t: number, df: number): number {
  if (t === 0) return 0.5;
  const [x, rest, a, b] = [df / (df + t * t), (t * t) / (df + t * t), df / 2, 1 / 2];
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log(rest));
  // The fraction converges fast on one side of the mean; the other side is the same, mirrored.
  const inFarTail = x < (a + 1) / (a + b + 2);
  return (inFarTail ? (front * betaFraction(x, a, b)) / a : 1 - (front * betaFraction(rest, b, a)) / b) / 2;
}

/** The continued fraction of the incomplete beta function by Lentz's method (DLMF 8.17.22). */
function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  const keep = (value: number) => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / keep(1 - ((a + b) * x) / (a + 1));
  let f = d;
  for (let m = 1; m <= 10_000; m++) {
    for (const term of [
      (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)),
      (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1)),
    ]) {
      d = 1 / keep(1 + term * d);
      c = keep(1 + term / c);
      f *= c * d;
    }
    if (Math.abs(c * d - 1) < 1e-12) break;
  }
  return f;
}

/** Stirling's series, from 8 on right to twelve digits; below that by Γ(x) = Γ(x + 1) / x. */
function logGamma(x: number): number {
  if (x < 8) return logGamma(x + 1) - Math.log(x);
  const series = 1 / (12 * x) - 1 / (360 * x ** 3) + 1 / (1260 * x ** 5) - 1 / (1680 * x ** 7);
  return (x - 0.5) * Math.log(x) - x + Math.log(2 * Math.PI) / 2 + series;
}
