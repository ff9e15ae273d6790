import type { Principal } from '../../../shared/contract/index.ts';
import { toastDone, toastError } from '../../app/toasts.ts';
import { changePrincipal } from '../../data/access.ts';
import { asAppError } from '../../data/api.ts';
import { t } from '../../strings/text.ts';

/** Lets somebody in again; that harms nobody, so nothing is asked. */
export async function setEnabled(principal: Principal): Promise<void> {
  try {
    await changePrincipal(principal, { disabled: false });
    toastDone(t('people.enabledDone', { name: principal.name }));
  } catch (error) {
    toastError(asAppError(error));
  }
}
