// SPDX-License-Identifier: Apache-2.0
/** Lengths that were measured, over the frame that they were measured in. */
import { useFormatter, useTranslations } from 'use-intl';
import { distance, toStage } from './geometry';
import { useSeen } from './useSeen';
import styles from './view.module.css';
import type { Viewer } from './viewer';

export function Lines({ viewer }: { viewer: Viewer }) {
  const t = useTranslations('view');
  const format = useFormatter();
  const { lines, head, placement, slice } = useSeen(viewer, (seen) => seen);
  if (!head || !placement) return null;
  return (
    <svg className={styles.lines} aria-hidden="true">
      {lines
        .filter((line) => line.slice === slice)
        .map((line, number) => {
          const from = toStage(head, placement, viewer.size, line.from);
          const to = toStage(head, placement, viewer.size, line.to);
          const { value, unit } = distance(head, line.from, line.to);
          const text = `${format.number(value, { maximumFractionDigits: 1 })} ${unit}`;
          const at =
            head.Spacing && head.SpacingAt !== 'patient'
              ? ` (${t(`at_${head.SpacingAt || 'page'}`)})`
              : '';
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: lines are only added and cut at the end
            <g key={number}>
              <line x1={from.x} y1={from.y} x2={to.x} y2={to.y} />
              <circle cx={from.x} cy={from.y} r="3" />
              <circle cx={to.x} cy={to.y} r="3" />
              <text x={to.x + 8} y={to.y - 8}>
                {text}
                {at}
              </text>
            </g>
          );
        })}
    </svg>
  );
}
