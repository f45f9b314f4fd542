import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { type Action, ActionDialog } from './action-dialog.tsx';

interface ActionButtonsProps {
  readonly actions: readonly Action[];
  /** Called after an action has been run. */
  readonly onChange?: () => void;
}

/** Shows a button for each action. A click opens the action's dialog. */
export function ActionButtons({ actions, onChange }: ActionButtonsProps): JSX.Element {
  const [open, setOpen] = useState<Action>();
  return (
    <div class="buttons">
      {actions.map((action) => (
        <button key={action.title} type="button" onClick={() => setOpen(action)}>
          {action.title}
        </button>
      ))}
      {open !== undefined && (
        <ActionDialog
          action={open}
          onClose={(hasChanged) => {
            setOpen(undefined);
            if (hasChanged) onChange?.();
          }}
        />
      )}
    </div>
  );
}
