/** Waits that double from `first` to `most`, each drawn from its upper half so that many clients do not come back at once. */
export class Backoff {
  private attempt = 0

  constructor(
    private readonly first = 500,
    private readonly most = 15_000,
    private readonly random: () => number = Math.random,
  ) {}

  next(): number {
    const ceiling = Math.min(this.most, this.first * 2 ** Math.min(this.attempt + 1, 16))
    this.attempt += 1
    return Math.round(ceiling * (0.5 + this.random() / 2))
  }

  reset(): void {
    this.attempt = 0
  }
}
