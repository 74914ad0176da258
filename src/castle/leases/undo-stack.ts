/**
 * Undo steps for an operation that makes several changes outside the process: files, mounts, store entries.
 *
 * Each change registers how it is undone before it is made, because a change that fails may have been made in part. When
 * the operation fails, the steps run in reverse order. A later change can make an earlier step wrong (a volume that was
 * mounted is kept): `push` returns a function that removes the step again.
 */
export interface UndoStack {
  /**
   * Registers an undo step.
   * @param step handles its own failures: if it throws, the remaining steps do not run
   * @returns removes the step; may be called while the stack unwinds
   */
  push(step: () => void | Promise<void>): () => void;
  /** Removes all steps: what was done stays, even if the operation fails. */
  keepAll(): void;
}

/**
 * Runs an operation. When it throws, runs the undo steps that are registered by then, the last one first, and throws the
 * operation's error.
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
