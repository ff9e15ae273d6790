import { AppError, TASKS, type Category, type TaskKey } from '../../shared/contract/index.ts';

/** The category follows from the task; a body may say it, but not otherwise. @throws {AppError} `invalid_argument`. */
export function assertCategory(task: TaskKey, said: Category | undefined): void {
  const { category } = TASKS[task];
  if (said === undefined || said === category) return;
  throw new AppError('invalid_argument', `A model for ${task} is ${category}, not ${said}.`, {
    hint: 'Leave the category out; it follows from the task.',
    details: { fields: ['category'], allowed: [category] },
  });
}
