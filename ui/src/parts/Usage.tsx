import { Progress, ProgressMeasureLocation, ProgressVariant } from '@patternfly/react-core';

import type { Quota } from '../api/queries';
import { free, nearness, share } from '../model/quota';
import { texts } from '../texts';

const VARIANTS = { well: undefined, near: ProgressVariant.warning, full: ProgressVariant.danger };

/** How much of a quota is used, and how much is free; `added` is what a request would take. */
export function Usage({ title, quota, format = String, added = 0 }: {
  title: string;
  quota: Quota;
  format?: (value: number) => string;
  added?: number;
}) {
  const then = { ...quota, used: quota.used + added };
  const left = free(quota);
  const limit = left === Infinity ? texts.overview.unlimited : format(quota.limit);
  return (
    <Progress
      className="al-usage"
      size="sm"
      title={title}
      value={Math.round(share(then) * 100)}
      measureLocation={ProgressMeasureLocation.top}
      label={`${texts.overview.usage(format(then.used), limit)}${left === Infinity ? '' : ` · ${texts.overview.free(format(free(then)))}`}`}
      variant={VARIANTS[nearness(then)]}
    />
  );
}
