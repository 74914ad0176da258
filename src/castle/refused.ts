import type { Refusal, RefusalCode } from '../contract.ts';

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
  stopping: 503,
  internal: 500,
};

/** A request that the castle doesn't grant: a code for programs, a sentence and a remedy for people. */
export class Refused extends Error {
  override readonly name = 'Refused';

  /** @param holder volume_in_use: what has the volume */
  constructor(
    readonly code: RefusalCode,
    readonly sentence: string,
    readonly remedy: string,
    readonly holder?: string,
  ) {
    super(`${sentence}; ${remedy}`);
  }

  get status(): number {
    return statuses[this.code];
  }

  /** The body of the answer. */
  toJSON(): Refusal {
    const { code, sentence, remedy, holder } = this;
    return { error: { code, sentence, remedy, ...(holder === undefined ? {} : { holder }) } };
  }
}

/** @param fault what volumeNameFault says */
export function badVolumeName(volume: string, fault: string): Refused {
  return new Refused(
    'bad_volume_name',
    `volume name ${JSON.stringify(volume)} ${fault}`,
    'choose another name',
  );
}
