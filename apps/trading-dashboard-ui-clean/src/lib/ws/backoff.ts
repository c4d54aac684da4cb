const FIRST_MS = 250;
const LIMIT_MS = 8_000;

/** Full jitter: uniform in [0, min(8 s, 0.25 s x 2^attempt)). `random` gives [0, 1). */
export function backoffMillis(attempt: number, random: () => number): number {
  const ceiling = Math.min(LIMIT_MS, FIRST_MS * 2 ** Math.min(attempt, 16));
  return Math.floor(random() * ceiling);
}
