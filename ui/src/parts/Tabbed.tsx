import { Tab, Tabs, TabTitleText } from '@patternfly/react-core';
import { type ReactNode, useId } from 'react';

/** Tabs, and below them the one panel that shows what the current one holds. */
export function Tabbed<N extends string>({ label, titles, current, choose, children }: {
  /** What the tabs are called together. */
  label: string;
  titles: Readonly<Record<N, string>>;
  current: N;
  choose: (name: N) => void;
  children: ReactNode;
}) {
  const panel = useId();
  const names = Object.keys(titles) as N[];
  return (
    <>
      <Tabs activeKey={current} aria-label={label} onSelect={(_event, key) => choose(key as N)}>
        {names.map((name) => <Tab key={name} eventKey={name} tabContentId={panel} title={<TabTitleText>{titles[name]}</TabTitleText>} />)}
      </Tabs>
      <div role="tabpanel" id={panel} aria-label={titles[current]} className="al-panel">{children}</div>
    </>
  );
}
