import { Menu, Modal, TextInput } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { toastError } from '../../app/toasts.ts';
import { asAppError } from '../../data/api.ts';
import { useMutation } from '../../data/mutate.ts';
import { useQuery } from '../../data/queries.ts';
import { forgetView, renameView, saveView, viewsQuery, type SavedView } from '../../data/views.ts';
import confirmCss from '../../parts/Confirm.module.css';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { t } from '../../strings/text.ts';
import { fromSearch, toSearch, type ListState } from './filter.ts';

/** Views that this person saved: the filter, the view, the order and the grouping under a name. */
export function SavedViews({
  state,
  onShow,
}: {
  readonly state: ListState;
  readonly onShow: (state: ListState) => void;
}): ReactNode {
  const { data: views, error } = useQuery(viewsQuery);
  const [asked, setAsked] = useState<'save' | 'rename' | null>(null);
  const query = toSearch(state).toString();
  const saved = (views ?? []).filter((view) => view.place === 'models');
  const current = saved.find((view) => canonical(view.query) === query);
  return (
    <>
      <Menu width={260}>
        <Menu.Target>
          <ReasonButton>{current?.name ?? t('views.title')}</ReasonButton>
        </Menu.Target>
        <Menu.Dropdown>
          {error !== null && <Menu.Label>{error.message}</Menu.Label>}
          {saved.length === 0 && error === null && <Menu.Label>{t('views.none')}</Menu.Label>}
          {saved.map((view) => (
            <Menu.Item
              key={view.name}
              aria-current={view === current ? 'true' : undefined}
              onClick={() => onShow(fromSearch(new URLSearchParams(view.query)))}
            >
              {view.name}
            </Menu.Item>
          ))}
          <Menu.Divider />
          {current === undefined ? (
            <Menu.Item onClick={() => setAsked('save')}>{t('views.save')}</Menu.Item>
          ) : (
            <>
              <Menu.Item onClick={() => setAsked('rename')}>
                {t('views.rename', { view: current.name })}
              </Menu.Item>
              <Menu.Item onClick={() => void forget(current)}>
                {t('views.forget', { view: current.name })}
              </Menu.Item>
            </>
          )}
        </Menu.Dropdown>
      </Menu>
      {asked !== null && (
        <NameDialog
          views={saved}
          renamed={asked === 'rename' ? (current ?? null) : null}
          query={query}
          onClose={() => setAsked(null)}
        />
      )}
    </>
  );
}

/** The same list has the same address, however it was saved. Pure. */
function canonical(query: string): string {
  return toSearch(fromSearch(new URLSearchParams(query))).toString();
}

async function forget(view: SavedView): Promise<void> {
  try {
    await forgetView(view.name);
  } catch (thrown) {
    toastError(asAppError(thrown));
  }
}

function NameDialog({
  views,
  renamed,
  query,
  onClose,
}: {
  readonly views: readonly SavedView[];
  readonly renamed: SavedView | null;
  readonly query: string;
  readonly onClose: () => void;
}): ReactNode {
  const [name, setName] = useState(renamed?.name ?? '');
  const wanted = name.trim();
  const { busy, error, run } = useMutation(async () =>
    renamed === null ? saveView(wanted, query) : renameView(renamed, wanted),
  );
  const replaced = views.find((view) => view.name === wanted && view !== renamed);
  const reason = wanted === '' ? t('views.noName') : wanted.length > 64 ? t('views.longName') : null;
  return (
    <Modal
      opened
      onClose={onClose}
      size={400}
      title={renamed === null ? t('views.saveTitle') : t('views.renameTitle', { view: renamed.name })}
      closeButtonProps={{ 'aria-label': t('action.close') }}
    >
      <form
        className={confirmCss.body}
        onSubmit={(event) => {
          event.preventDefault();
          if (reason === null) void run().then((made) => made && onClose());
        }}
      >
        <TextInput
          data-autofocus
          label={t('views.name')}
          description={
            replaced === undefined ? t('views.nameHelp') : t('views.replaces', { view: replaced.name })
          }
          value={name}
          autoComplete="off"
          onChange={(event) => setName(event.currentTarget.value)}
        />
        {error !== null && <Refusal error={error} />}
        <div className={confirmCss.buttons}>
          <ReasonButton
            type="submit"
            variant="filled"
            changes
            reason={reason}
            busy={busy}
            busyLabel={t('views.saving')}
          >
            {t('action.save')}
          </ReasonButton>
        </div>
      </form>
    </Modal>
  );
}
