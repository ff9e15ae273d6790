import { AppError } from '../../shared/contract/index.ts';

/** The rev of `If-Match` where a change needs it. @throws {AppError} `invalid_argument` when it was not sent. */
export function requiredRev(ifMatch: number | null): number {
  if (ifMatch !== null) return ifMatch;
  throw new AppError('invalid_argument', 'Say which rev you change with If-Match.', {
    hint: 'Send the rev you read as If-Match.',
    details: { fields: ['if-match'] },
  });
}
