/** How a place for backups stands. */
import type { Repository } from '../api/plane';

type Told = Pick<Repository, 'late' | 'trouble' | 'check_failure'>;

/** In a word: `suspect` where it could not be read whole, `late` where changes are missing. */
export function repositoryState({ late, check_failure: failure }: Told): 'ok' | 'late' | 'suspect' {
  if (failure) return 'suspect';
  return late ? 'late' : 'ok';
}

/** What is the matter with it. */
export function repositoryTrouble({ trouble, check_failure: failure }: Told): string {
  return [failure, trouble].filter(Boolean).join(' ');
}
