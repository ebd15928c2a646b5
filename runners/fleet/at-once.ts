/** Does something for many, not all at once. */

/** What `work` makes of each item, in the items' order, with at most `most` under way. One that fails stops no other. */
export async function atOnce<T, R>(
  items: readonly T[],
  most: number,
  work: (item: T) => Promise<R>,
): Promise<PromiseSettledResult<R>[]> {
  const results: PromiseSettledResult<R>[] = new Array(items.length);
  const rest = items.entries();
  const lane = async () => {
    for (const [i, item] of rest) [results[i]] = (await Promise.allSettled([work(item)])) as [PromiseSettledResult<R>];
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, lane));
  return results;
}
