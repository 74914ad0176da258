import { type Static, type TProperties, Type } from 'typebox';

const milliseconds = Type.Integer({ minimum: 0 });

/** Which requests a fault affects. Default: all to which its kind applies. */
const which = {
  /** `AttachVolume` */
  action: Type.Optional(Type.String()),
  /** Only requests that name this volume. */
  volume: Type.Optional(Type.String()),
  /** Only requests that name this instance. */
  instance: Type.Optional(Type.String()),
  /** How many more times the fault happens. Default: until it is removed. */
  times: Type.Optional(Type.Integer({ minimum: 1 })),
  /** The probability for each matching request, from 0 to 1. Default: 1. */
  probability: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
};

const fault = <K extends string, P extends TProperties>(kind: K, more: P) =>
  Type.Object({ kind: Type.Literal(kind), ...which, ...more }, { additionalProperties: false });

/** The kinds of faults; README.md describes their effects. */
export const Fault = Type.Union([
  fault('error', {
    code: Type.String(),
    message: Type.Optional(Type.String()),
    status: Type.Optional(Type.Integer({ minimum: 400, maximum: 599 })),
  }),
  fault('slow', { ms: milliseconds }),
  fault('lost-answer', {}),
  fault('lost-request', {}),
  fault('malformed-answer', {}),
  fault('truncated-answer', {}),
  fault('create-fails', { vanishes: Type.Optional(Type.Boolean()) }),
  fault('stuck-attaching', { ms: Type.Optional(milliseconds) }),
  fault('no-device', {}),
  fault('device-in-use', {}),
  fault('wrong-device', { shows: Type.String() }),
  fault('stuck-detaching', { ms: Type.Optional(milliseconds) }),
  fault('snapshot-fails', {}),
  fault('modification-fails', {}),
]);
export type Fault = Static<typeof Fault>;
export type FaultOf<K extends Fault['kind']> = Extract<Fault, { readonly kind: K }>;
