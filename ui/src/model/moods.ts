/** What a state means to somebody who looks at a list. Pure. */

export type Mood = 'well' | 'busy' | 'off' | 'paused' | 'warning' | 'bad' | 'plain';

const WORDS: Record<Mood, readonly string[]> = {
  well: ['active', 'available', 'in-use', 'ok', 'ready', 'up', 'enabled', 'succeeded', 'done', 'accepted', 'success', 'healthy', 'managed', 'adopted', 'proved', 'settled'],
  busy: [
    'build', 'building', 'creating', 'queued', 'saving', 'importing', 'uploading', 'reboot', 'hard_reboot', 'resize', 'migrating',
    'rebuild', 'deleting', 'downloading', 'attaching', 'detaching', 'extending', 'converging', 'running', 'password', 'reserved',
    'backing-up', 'restoring-backup', 'revert_resize', 'preparing', 'retyping', 'maintenance', 'trial',
  ],
  off: ['shutoff', 'down', 'absent', 'disabled', 'shelved', 'shelved_offloaded', 'cancelled', 'soft_deleted', 'deleted', 'deactivated', 'stopped', 'excluded'],
  paused: ['paused', 'suspended', 'pending', 'waiting'],
  warning: ['verify_resize', 'rescue', 'degraded', 'refused', 'drained', 'draining', 'missing', 'unknown', 'discovered', 'differs', 'suspect', 'late', 'reverted'],
  bad: ['error', 'failed', 'killed', 'error_deleting', 'error_restoring', 'error_extending'],
  plain: ['made', 'none', 'off'],
};

const MOODS = new Map((Object.entries(WORDS) as [Mood, string[]][]).flatMap(([mood, words]) => words.map((word) => [word, mood] as const)));

/** The mood of a state of any of the APIs. */
export function moodOf(status: string): Mood {
  return MOODS.get(status.toLowerCase()) ?? 'plain';
}

/** The mood of a node's state: one that is down was not switched off. */
export function nodeMood(state: string): Mood {
  return state === 'down' ? 'bad' : moodOf(state);
}
