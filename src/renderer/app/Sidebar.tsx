import { Kbd } from '@mantine/core';
import {
  IconActivityHeartbeat,
  IconBox,
  IconChartLine,
  IconCpu,
  IconKey,
  IconLayoutDashboard,
  IconMessage,
  IconServer2,
  IconStack2,
  IconSettings,
  IconUsers,
} from '@tabler/icons-react';
import type { ComponentType, ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import { useSlots } from '../data/live.ts';
import { useMay, useRole, useSession } from '../data/session.ts';
import { roleCovers } from '../../shared/lifecycle/states.ts';
import { cx } from '../parts/cx.ts';
import { StateMark } from '../parts/StateMark.tsx';
import { t } from '../strings/text.ts';
import { closeLayer, toggleLayer } from './layers.ts';
import { PLACES, placeOf, type Place } from './places.ts';
import css from './Sidebar.module.css';

const ICONS: Record<Place['id'], ComponentType<{ size?: number; stroke?: number }>> = {
  overview: IconLayoutDashboard,
  models: IconBox,
  slots: IconServer2,
  playground: IconMessage,
  usage: IconChartLine,
  access: IconUsers,
  credentials: IconKey,
  hardware: IconCpu,
  runtimes: IconStack2,
  doctor: IconActivityHeartbeat,
  settings: IconSettings,
};

const GROUPS = ['top', 'library', 'serving', 'governance', 'machine', 'foot'] as const;

/** Where one can go. Text at normal width, a rail of icons below, an overlay on the narrowest. */
export function Sidebar({ rail }: { readonly rail: boolean }): ReactNode {
  const session = useSession();
  const role = useRole();
  const [path] = useLocation();
  const here = placeOf(path);
  const name = session.state === 'signed-in' ? session.nodeName : t('app.name');
  return (
    <nav className={cx(css.sidebar, rail && css.rail)} aria-label={t('shell.navigation')}>
      <button type="button" className={css.node} onClick={() => toggleLayer('palette')} title={name}>
        <span className={css.nodeName}>{name}</span>
        <Kbd>{t('keys.palette')}</Kbd>
        <span className="visually-hidden">{t('shell.openPalette')}</span>
      </button>
      {GROUPS.map((group) => {
        const places = PLACES.filter((place) => place.group === group && roleCovers(role, place.role));
        if (places.length === 0) return null;
        return (
          <div key={group} className={cx(css.group, group === 'foot' && css.foot)}>
            {group !== 'top' && group !== 'foot' && (
              <div className={css.groupName} aria-hidden={rail}>
                {t(`group.${group}`)}
              </div>
            )}
            <ul>
              {places.map((place) => (
                <li key={place.id}>
                  <Entry place={place} current={here?.id === place.id} />
                </li>
              ))}
            </ul>
          </div>
        );
      })}
    </nav>
  );
}

function Entry({ place, current }: { readonly place: Place; readonly current: boolean }): ReactNode {
  const Icon = ICONS[place.id];
  return (
    <Link
      href={place.path}
      className={cx(css.entry, current && css.current)}
      aria-current={current ? 'page' : undefined}
      title={t(place.name)}
      onClick={() => closeLayer('sidebar')}
    >
      <span className={css.icon} aria-hidden>
        <Icon size={18} stroke={1.5} />
      </span>
      <span className={css.name}>{t(place.name)}</span>
      {place.id === 'slots' && <FailedSlots />}
    </Link>
  );
}

/** A count stands only where somebody has to act. */
function FailedSlots(): ReactNode {
  const slots = useSlots();
  const mayAct = useMay('admin');
  const failed =
    slots?.filter((slot) => slot.load_error !== null && slot.load_state !== 'loading').length ?? 0;
  if (!mayAct || failed === 0) return null;
  return (
    <span className={css.count}>
      <StateMark axis="load" state="error" size={12}>
        {failed}
      </StateMark>
      <span className="visually-hidden">{t('shell.slotsFailed', { count: failed })}</span>
    </span>
  );
}
