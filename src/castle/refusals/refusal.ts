import type { Refusal, RefusalCode } from '../../protocol/contract.ts';

/** The HTTP status of each refusal. */
const statuses: Record<RefusalCode, number> = {
  bad_request: 400,
  bad_volume_name: 400,
  bad_target: 422,
  not_permitted: 403,
  not_found: 404,
  volume_in_use: 409,
  busy: 409,
  backend_failed: 503,
  internal: 500,
};

/** Fields that only some refusals have. */
interface RefusalDetails {
  /** For volume_in_use: the name of the container that has the volume. */
  readonly holder?: string;
  /** A more specific HTTP status. Default: the status of the code. */
  readonly status?: number;
}

/** The error of a refused request: a code for programs, and a message and a remedy for the operator. */
export class RefusalError extends Error {
  override readonly name = 'RefusalError';

  /** The HTTP status of the answer. */
  readonly status: number;

  constructor(
    readonly code: RefusalCode,
    readonly sentence: string,
    readonly remedy: string,
    private readonly more: RefusalDetails = {},
  ) {
    super(`${sentence}; ${remedy}`);
    this.status = more.status ?? statuses[code];
  }

  /** Returns the body of the answer. */
  toJSON(): Refusal {
    const { code, sentence, remedy } = this;
    const { holder } = this.more;
    return { error: { code, message: sentence, remedy, ...(holder === undefined ? {} : { holder }) } };
  }
}

/** @param fault the result of volumeNameFault */
export function badVolumeName(volume: string, fault: string): RefusalError {
  return new RefusalError(
    'bad_volume_name',
    `volume name ${JSON.stringify(volume)} ${fault}`,
    'choose another name',
  );
}
