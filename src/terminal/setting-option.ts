import { Option } from 'commander';
import type { Setting } from './setting.ts';

/**
 * Returns the option of a settings table, for commander.
 * @param name the option, as in `--timeout`; it must be in the table
 */
export function settingOption(settings: readonly Setting[], name: `--${string}`): Option {
  const setting = settings.find(({ option }) => option === name);
  if (setting === undefined) throw new Error(`no setting ${name}`);
  const { placeholder, meaning } = setting;
  if (placeholder === undefined) return new Option(name, meaning);
  return new Option(`${name} ${placeholder.startsWith('[') ? placeholder : `<${placeholder}>`}`, meaning);
}
