/**
 * The candidate that `word` was most likely meant to be, or null when none is near: at most a third of its letters
 * may differ (Damerau-Levenshtein, adjacent swaps count as one), case aside.
 */
export function didYouMean(word: string, candidates: Iterable<string>): string | null {
  let best: string | null = null;
  let bestDistance = Math.floor(Math.max(word.length, 3) / 3) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

function editDistance(a: string, b: string): number {
  const longest = 64;
  if (a.length > longest || b.length > longest) return Infinity;
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? (before[j - 2] ?? Infinity) + 1 : Infinity;
      const change = (previous[j - 1] ?? Infinity) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(swap, change, (previous[j] ?? Infinity) + 1, (row[j - 1] ?? Infinity) + 1));
    }
    before = previous;
    previous = row;
  }
  return previous[b.length] ?? Infinity;
}
