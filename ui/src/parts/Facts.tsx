import { ClipboardCopy, DescriptionList, DescriptionListDescription, DescriptionListGroup, DescriptionListTerm } from '@patternfly/react-core';
import type { ReactNode } from 'react';

import { texts } from '../texts';

/** Names and values; those without a value are left out. */
export function Facts({ facts, columns = 2 }: { facts: readonly (readonly [string, ReactNode])[]; columns?: 1 | 2 }) {
  return (
    <DescriptionList isHorizontal isCompact isFluid columnModifier={{ default: '1Col', xl: columns === 2 ? '2Col' : '1Col' }}>
      {facts.filter(([, value]) => value !== undefined && value !== null && value !== '' && value !== false).map(([name, value]) => (
        <DescriptionListGroup key={name}>
          <DescriptionListTerm>{name}</DescriptionListTerm>
          <DescriptionListDescription>{value}</DescriptionListDescription>
        </DescriptionListGroup>
      ))}
    </DescriptionList>
  );
}

/** A short text with a button that copies it. */
export function Copyable({ text }: { text: string }) {
  return (
    <ClipboardCopy variant="inline-compact" isCode hoverTip={texts.actions.copy} clickTip={texts.actions.copied}>{text}</ClipboardCopy>
  );
}
