/**
 * Undo steps for an operation that makes several changes outside the process, such as files, mounts and store records.
 *
 * The undo step of a change is registered before the change is made, because a change that fails may have been made in part.
 * When the operation fails, the steps run in reverse order. A later change can make an earlier step wrong (for example, a
 * volume that was mounted must be kept), so `push` returns a function that removes the step.
 */
export interface UndoStack {
  /**
   * Registers an undo step.
   * @param step the undo step; it must handle its own failures, because the remaining steps do not run if it throws
   * @returns a function that removes the step; it may be called while the steps run
   */
  push(step: () => void | Promise<void>): () => void;
  /** Removes all steps, so the changes stay even if the operation fails. */
  keepAll(): void;
}

/**
 * Runs an operation. When the operation throws, runs the registered undo steps in reverse order and throws the operation's
 * error.
 */
export async function withUndo<T>(operation: (undo: UndoStack) => Promise<T>): Promise<T> {
  const steps: { readonly run: () => void | Promise<void> }[] = [];
  const undo: UndoStack = {
    push(run) {
      const step = { run };
      steps.push(step);
      return () => {
        const at = steps.indexOf(step);
        if (at >= 0) steps.splice(at, 1);
      };
    },
    keepAll() {
      steps.length = 0;
    },
  };
  try {
    return await operation(undo);
  } catch (thrown) {
    for (let step = steps.pop(); step !== undefined; step = steps.pop()) await step.run();
    throw thrown;
  }
}
