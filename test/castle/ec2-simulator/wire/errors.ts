/** An answer of EC2 that is an error: its code is what clients decide by. */
export class Ec2Error extends Error {
  /** As in the list of error codes of the EC2 API: `InvalidVolume.NotFound`. */
  readonly code: string;
  /** HTTP: 400 for what the client did wrong, 403 for who it is, 500 and 503 for the server. */
  readonly status: number;

  constructor(code: string, message: string, status = 400) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/** A value that a parameter cannot have. */
export const invalidValue = (parameter: string, value: string, why = 'is invalid'): Ec2Error =>
  new Ec2Error('InvalidParameterValue', `Value (${value}) for parameter ${parameter} ${why}.`);

/** An id of no volume, snapshot or instance; several are listed, as the real one does. */
export const notFound = (kind: 'Volume' | 'Snapshot' | 'InstanceID', ids: readonly string[]): Ec2Error => {
  const noun = { Volume: 'volume', Snapshot: 'snapshot', InstanceID: 'instance ID' }[kind];
  const quoted = ids.map((id) => `'${id}'`).join(', ');
  return new Ec2Error(
    `Invalid${kind}.NotFound`,
    ids.length === 1 ? `The ${noun} ${quoted} does not exist.` : `The ${noun}s ${quoted} do not exist.`,
  );
};
