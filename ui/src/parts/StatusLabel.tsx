import { Spinner } from '@patternfly/react-core';
import styles from '@patternfly/react-styles/css/components/Label/label';
import CheckCircleIcon from '@patternfly/react-icons/dist/esm/icons/check-circle-icon';
import ExclamationCircleIcon from '@patternfly/react-icons/dist/esm/icons/exclamation-circle-icon';
import ExclamationTriangleIcon from '@patternfly/react-icons/dist/esm/icons/exclamation-triangle-icon';
import PauseCircleIcon from '@patternfly/react-icons/dist/esm/icons/pause-circle-icon';
import PowerOffIcon from '@patternfly/react-icons/dist/esm/icons/power-off-icon';
import { memo, type ReactNode } from 'react';

import { type Mood, moodOf } from '../model/moods';
import { statusText } from '../texts';

const { modifiers } = styles;
const LOOKS: Record<Mood, { color: string; icon: ReactNode }> = {
  well: { color: modifiers.green, icon: <CheckCircleIcon /> },
  busy: { color: modifiers.blue, icon: <Spinner size="sm" aria-hidden="true" /> },
  off: { color: '', icon: <PowerOffIcon /> },
  paused: { color: modifiers.purple, icon: <PauseCircleIcon /> },
  warning: { color: modifiers.orange, icon: <ExclamationTriangleIcon /> },
  bad: { color: modifiers.red, icon: <ExclamationCircleIcon /> },
  plain: { color: '', icon: null },
};

/**
 * The state of a thing, in words, a colour and a sign; `busy` says what is being done to it, `mood` what the state means
 * where that is not what it means elsewhere. PatternFly's markup without its component, which measures each label: lists
 * have one a row.
 */
export const StatusLabel = memo(function StatusLabel({ status, busy, mood }: { status: string; busy?: string | null; mood?: Mood }) {
  const { color, icon } = LOOKS[busy ? 'busy' : (mood ?? moodOf(status))];
  return (
    <span className={`${styles.label} ${modifiers.outline} ${modifiers.compact} ${color}`}>
      <span className={styles.labelContent}>
        {icon !== null && <span className={styles.labelIcon}>{icon}</span>}
        <span className={styles.labelText}>{statusText(busy ? busy : status)}</span>
      </span>
    </span>
  );
});
