import { Button } from '@patternfly/react-core';
import { type FocusEvent, useState } from 'react';

import type { InstanceAction } from '../../model/instanceActions';
import { texts } from '../../texts';

const QUICK: readonly InstanceAction[] = ['start', 'confirmResize', 'revertResize', 'unrescue', 'unshelve', 'resume', 'unpause', 'restore'];

/** Whether the focus goes elsewhere for good: a dialogue gives it back, another window too. */
function leaves({ relatedTarget }: FocusEvent): boolean {
  return relatedTarget === null ? document.hasFocus() : relatedTarget.closest('[role="dialog"]') === null;
}

/**
 * Buttons for what an instance most likely waits for. One that was pressed stays while it has the focus, though it can do
 * nothing any more: the keyboard would otherwise go on from the beginning of the page.
 */
export function QuickActions({ offered, start }: { offered: readonly InstanceAction[]; start: (action: InstanceAction) => void }) {
  const [held, setHeld] = useState<InstanceAction | null>(null);
  return QUICK.filter((action) => action === held || offered.includes(action)).map((action) => (
    <Button
      key={action}
      variant="primary"
      isAriaDisabled={!offered.includes(action)}
      onFocus={() => setHeld(action)}
      onBlur={(event) => { if (leaves(event)) setHeld(null); }}
      onClick={() => start(action)}
    >
      {texts.instances.names[action]}
    </Button>
  ));
}
