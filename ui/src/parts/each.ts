import { texts } from '../texts';

const AT_ONCE = 6;

/** Do the same to many, a few at a time; throws what failed first when all are done. */
export async function each<T>(rows: readonly T[], work: (row: T) => Promise<unknown>): Promise<void> {
  const left = [...rows];
  let failed: unknown;
  const worker = async () => {
    for (let row = left.shift(); row !== undefined; row = left.shift()) {
      try {
        await work(row);
      } catch (error) {
        failed ??= error;
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  if (failed !== undefined) throw failed instanceof Error ? failed : new Error(texts.errors.reload);
}
