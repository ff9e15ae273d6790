import { lazy, Suspense, type ReactNode } from 'react';
import { closeDialog, useDialog, type Dialog } from './dialogs.ts';

const AddModelDialog = lazy(async () => ({
  default: (await import('../features/add-model/AddModelDialog.tsx')).AddModelDialog,
}));
const ModelActionDialog = lazy(async () => ({
  default: (await import('../features/models/ModelActionDialog.tsx')).ModelActionDialog,
}));
const DeleteFamilyDialog = lazy(async () => ({
  default: (await import('../features/families/DeleteFamilyDialog.tsx')).DeleteFamilyDialog,
}));
const ReplaceCredentialDialog = lazy(async () => ({
  default: (await import('../features/models/ReplaceCredentialDialog.tsx')).ReplaceCredentialDialog,
}));
const LoadDialog = lazy(async () => ({
  default: (await import('../features/slots/LoadDialog.tsx')).LoadDialog,
}));
const NewSlotDialog = lazy(async () => ({
  default: (await import('../features/slots/NewSlotDialog.tsx')).NewSlotDialog,
}));
const UnloadDialog = lazy(async () => ({
  default: (await import('../features/slots/SlotDialogs.tsx')).UnloadDialog,
}));
const RestartDialog = lazy(async () => ({
  default: (await import('../features/slots/SlotDialogs.tsx')).RestartDialog,
}));
const DeleteSlotDialog = lazy(async () => ({
  default: (await import('../features/slots/SlotDialogs.tsx')).DeleteSlotDialog,
}));
const MeasureDialog = lazy(async () => ({
  default: (await import('../features/benchmarks/MeasureDialog.tsx')).MeasureDialog,
}));
const CancelJobDialog = lazy(async () => ({
  default: (await import('../features/jobs/CancelJobDialog.tsx')).CancelJobDialog,
}));
const SwitchProfileDialog = lazy(async () => ({
  default: (await import('../features/profile/SwitchProfileDialog.tsx')).SwitchProfileDialog,
}));
const AccessDialog = lazy(() => import('../features/access/AccessDialog.tsx'));
const CredentialDialog = lazy(() => import('../features/credentials/CredentialDialog.tsx'));
const ImagesDialog = lazy(() => import('../features/runtimes/ImagesDialog.tsx'));
const Shortcuts = lazy(async () => ({ default: (await import('./Shortcuts.tsx')).Shortcuts }));

/** The one place where dialogs are drawn; one at a time. */
export function DialogHost(): ReactNode {
  const dialog = useDialog();
  if (dialog === null) return null;
  return <Suspense fallback={null}>{draw(dialog)}</Suspense>;
}

function draw(dialog: Dialog): ReactNode {
  switch (dialog.kind) {
    case 'add-model':
      return <AddModelDialog onClose={closeDialog} />;
    case 'model-action':
      return <ModelActionDialog modelId={dialog.modelId} action={dialog.action} onClose={closeDialog} />;
    case 'delete-family':
      return <DeleteFamilyDialog name={dialog.name} onClose={closeDialog} />;
    case 'replace-credential':
      return <ReplaceCredentialDialog modelId={dialog.modelId} onClose={closeDialog} />;
    case 'load':
      return (
        <LoadDialog
          {...(dialog.modelId === undefined ? {} : { modelId: dialog.modelId })}
          {...(dialog.slotId === undefined ? {} : { slotId: dialog.slotId })}
          onClose={closeDialog}
        />
      );
    case 'unload':
      return <UnloadDialog slotId={dialog.slotId} onClose={closeDialog} />;
    case 'restart':
      return <RestartDialog slotId={dialog.slotId} onClose={closeDialog} />;
    case 'benchmark':
      return <MeasureDialog slotId={dialog.slotId} onClose={closeDialog} />;
    case 'new-slot':
      return (
        <NewSlotDialog
          {...(dialog.proposal === undefined ? {} : { proposal: dialog.proposal })}
          onClose={closeDialog}
        />
      );
    case 'delete-slot':
      return <DeleteSlotDialog slotId={dialog.slotId} onClose={closeDialog} />;
    case 'cancel-job':
      return <CancelJobDialog jobId={dialog.jobId} onClose={closeDialog} />;
    case 'switch-profile':
      return <SwitchProfileDialog to={dialog.to} onClose={closeDialog} />;
    case 'access':
      return <AccessDialog ask={dialog.ask} id={dialog.id} onClose={closeDialog} />;
    case 'credential':
      return <CredentialDialog ask={dialog.ask} id={dialog.id} onClose={closeDialog} />;
    case 'images':
      return <ImagesDialog ask={dialog.ask} reference={dialog.reference} onClose={closeDialog} />;
    case 'shortcuts':
      return <Shortcuts onClose={closeDialog} />;
  }
}
