import { Slider } from '@mantine/core';
import type { ReactNode } from 'react';
import { formatCount, parseCount } from '../../../parts/format.ts';
import { t } from '../../../strings/text.ts';
import { CountInput } from './CountInput.tsx';
import css from './ContextField.module.css';

/** Tokens per request, typed or pulled. The slider goes to what the model was trained for; what is typed is not capped. */
export function ContextField({
  id,
  value,
  placeholder,
  problem,
  effective,
  fits,
  trained,
  onChange,
}: {
  readonly id: string;
  readonly value: string;
  readonly placeholder: string;
  readonly problem: string | null;
  /** What it is while the field is empty. */
  readonly effective: number | null;
  readonly fits: number | null;
  readonly trained: number | null;
  readonly onChange: (value: string) => void;
}): ReactNode {
  const tokens = parseCount(value) ?? effective;
  const end = Math.max(trained ?? 0, tokens ?? 0, fits ?? 0);
  return (
    <div>
      <CountInput
        id={id}
        kind="count"
        value={value}
        placeholder={placeholder}
        problem={problem}
        onChange={onChange}
      />
      {end > 0 && trained !== null && (
        <div className={css.slide}>
          <Slider
            size={4}
            thumbSize={14}
            min={0}
            max={end}
            step={stepFor(end)}
            value={tokens ?? 0}
            label={null}
            thumbLabel={t('config.contextSlider')}
            marks={[...(fits !== null && fits < trained ? [{ value: fits }] : []), { value: trained }]}
            classNames={{
              track: css.track ?? '',
              bar: css.done ?? '',
              thumb: css.thumb ?? '',
              mark: css.mark ?? '',
            }}
            onChange={(next) => onChange(String(Math.max(stepFor(end), next)))}
          />
          <div className={css.labels}>
            {fits !== null && fits < trained && (
              <span className={css.fits} style={{ left: `clamp(40px, ${(fits / end) * 100}%, 60%)` }}>
                {t('config.contextFits', { tokens: formatCount(fits) })}
              </span>
            )}
            <span className={css.trained}>
              {fits !== null && fits >= trained
                ? t('config.contextTrainedFits', { tokens: formatCount(trained) })
                : t('config.contextTrained', { tokens: formatCount(trained) })}
            </span>
          </div>
        </div>
      )}
    </div>
  );
}

/** As fine as the scale: models for tests know a few hundred tokens. */
function stepFor(end: number): number {
  if (end > 32_768) return 1024;
  return end > 2048 ? 128 : 16;
}
