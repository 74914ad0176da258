import { Ec2Error, invalidValue } from './errors.ts';

/**
 * The parameters of a request in the EC2 Query protocol: flat names in which lists are numbered from 1
 * (`Filter.1.Value.2=x`).
 */
export class Parameters {
  readonly #values: ReadonlyMap<string, string>;
  readonly #path: string;

  /** @param path the prefix of each name in messages: `Filter.1.` */
  constructor(values: Iterable<readonly [string, string]>, path = '') {
    this.#values = new Map(values);
    this.#path = path;
  }

  /** The first part of each name, without numbers, to compare with the parameters of the action. */
  names(): readonly string[] {
    return [...new Set([...this.#values.keys()].map((name) => name.split('.')[0] as string))];
  }

  /** All names with their values, in an order that does not depend on the client. */
  entries(): readonly (readonly [string, string])[] {
    return [...this.#values].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  text(name: string): string | undefined {
    return this.#values.get(name);
  }

  /** @throws Ec2Error MissingParameter */
  required(name: string): string {
    const value = this.#values.get(name);
    if (value === undefined || value === '') {
      throw new Ec2Error('MissingParameter', `The request must contain the parameter ${this.#path}${name}`);
    }
    return value;
  }

  /** @throws Ec2Error InvalidParameterValue unless it is a whole number or missing */
  integer(name: string): number | undefined {
    const value = this.#values.get(name);
    if (value === undefined) return undefined;
    if (!/^-?\d{1,9}$/.test(value)) throw invalidValue(name, value, 'is not a whole number');
    return Number(value);
  }

  /** @throws Ec2Error InvalidParameterValue unless it is true or false or missing */
  flag(name: string): boolean | undefined {
    const value = this.#values.get(name);
    if (value === undefined) return undefined;
    if (value !== 'true' && value !== 'false') throw invalidValue(name, value, 'is neither true nor false');
    return value === 'true';
  }

  /** A numbered list of texts. */
  list(name: string): readonly string[] {
    return this.structures(name).map((entry) => entry.required(''));
  }

  /** A numbered list of structures, each with the names that follow its number. */
  structures(name: string): readonly Parameters[] {
    const found = new Map<number, [string, string][]>();
    for (const [key, value] of this.#values) {
      const [, number, rest] = new RegExp(`^${name}\\.(\\d{1,6})(?:\\.(.+))?$`).exec(key) ?? [];
      if (number === undefined) continue;
      const entry = found.get(Number(number)) ?? [];
      entry.push([rest ?? '', value]);
      found.set(Number(number), entry);
    }
    return [...found]
      .sort(([a], [b]) => a - b)
      .map(([number, entry]) => new Parameters(entry, `${this.#path}${name}.${number}.`));
  }
}
