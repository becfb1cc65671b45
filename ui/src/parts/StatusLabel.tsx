import { Label, type LabelProps, Spinner } from '@patternfly/react-core';
import CheckCircleIcon from '@patternfly/react-icons/dist/esm/icons/check-circle-icon';
import ExclamationCircleIcon from '@patternfly/react-icons/dist/esm/icons/exclamation-circle-icon';
import ExclamationTriangleIcon from '@patternfly/react-icons/dist/esm/icons/exclamation-triangle-icon';
import PauseCircleIcon from '@patternfly/react-icons/dist/esm/icons/pause-circle-icon';
import PowerOffIcon from '@patternfly/react-icons/dist/esm/icons/power-off-icon';

import { type Mood, moodOf } from '../model/moods';
import { statusText } from '../texts';

const LOOKS: Record<Mood, { status?: LabelProps['status']; color?: LabelProps['color']; icon: React.ReactNode }> = {
  well: { color: 'green', icon: <CheckCircleIcon /> },
  busy: { color: 'blue', icon: <Spinner size="sm" aria-hidden="true" /> },
  off: { color: 'grey', icon: <PowerOffIcon /> },
  paused: { color: 'purple', icon: <PauseCircleIcon /> },
  warning: { color: 'orange', icon: <ExclamationTriangleIcon /> },
  bad: { color: 'red', icon: <ExclamationCircleIcon /> },
  plain: { color: 'grey', icon: null },
};

/** The state of a thing, in words, a colour and a sign; `busy` says what is being done to it. */
export function StatusLabel({ status, busy }: { status: string; busy?: string | null }) {
  const look = LOOKS[busy ? 'busy' : moodOf(status)];
  return (
    <Label isCompact variant="outline" color={look.color} icon={look.icon}>
      {busy ? statusText(busy) : statusText(status)}
    </Label>
  );
}
