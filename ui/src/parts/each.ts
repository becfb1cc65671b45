import { asApiError, FailedForSome } from '../api/errors';

const AT_ONCE = 6;

/**
 * Do the same to many, a few at a time, whatever fails.
 *
 * @throws FailedForSome when all are done: for which it failed, and why; for one alone what was thrown.
 */
export async function each<T>(rows: readonly T[], called: (row: T) => string, work: (row: T) => Promise<unknown>): Promise<void> {
  const left = rows.map((row, place) => ({ row, place }));
  const failed: { place: number; name: string; thrown: unknown }[] = [];
  const worker = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      try {
        await work(next.row);
      } catch (thrown) {
        failed.push({ place: next.place, name: called(next.row), thrown });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  if (failed.length === 0) return;
  failed.sort((a, b) => a.place - b.place);
  if (rows.length === 1) throw asApiError(failed[0]?.thrown);
  throw new FailedForSome(rows.length, failed.map(({ name, thrown }) => ({ name, error: asApiError(thrown) })));
}
