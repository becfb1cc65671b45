import { Button, CodeBlock, CodeBlockAction, CodeBlockCode } from '@patternfly/react-core';
import CopyIcon from '@patternfly/react-icons/dist/esm/icons/copy-icon';
import { useState } from 'react';

import { texts } from '../texts';

/** Text to copy. */
export function CodeBox({ code, label }: { code: string; label: string }) {
  const [copied, setCopied] = useState(false);
  return (
    <CodeBlock
      aria-label={label}
      actions={
        <CodeBlockAction>
          <Button
            variant="plain"
            icon={<CopyIcon />}
            aria-label={texts.actions.copy}
            onClick={() => void navigator.clipboard.writeText(code).then(() => setCopied(true))}
          >
            {copied ? texts.actions.copied : texts.actions.copy}
          </Button>
        </CodeBlockAction>
      }
    >
      <CodeBlockCode>{code}</CodeBlockCode>
    </CodeBlock>
  );
}
