/** An error response of EC2. Clients act on its code. */
export class Ec2Error extends Error {
  /** As in the list of error codes of the EC2 API: `InvalidVolume.NotFound`. */
  readonly code: string;
  /** The HTTP status: 400 for a wrong request, 403 for a wrong signature, 500 and 503 for errors of the server. */
  readonly status: number;

  constructor(code: string, message: string, status = 400) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/** The error for an invalid value of a parameter. */
export const invalidValue = (parameter: string, value: string, why = 'is invalid'): Ec2Error =>
  new Ec2Error('InvalidParameterValue', `Value (${value}) for parameter ${parameter} ${why}.`);

/** The error for ids that do not exist; EC2 lists several ids in one message. */
export const notFound = (kind: 'Volume' | 'Snapshot' | 'InstanceID', ids: readonly string[]): Ec2Error => {
  const noun = { Volume: 'volume', Snapshot: 'snapshot', InstanceID: 'instance ID' }[kind];
  const quoted = ids.map((id) => `'${id}'`).join(', ');
  return new Ec2Error(
    `Invalid${kind}.NotFound`,
    ids.length === 1 ? `The ${noun} ${quoted} does not exist.` : `The ${noun}s ${quoted} do not exist.`,
  );
};
