import { resolve } from 'node:path';
import { Failure } from '../../terminal/failure.ts';
import { type EbsSettings, parseEbs } from './ebs/settings.ts';
import { type LoopSettings, parseLoop } from './loop/settings.ts';
import { type NfsSettings, parseNfs } from './nfs/settings.ts';

/** The backend that `--backend` names, and its settings. */
export type BackendSettings =
  | { readonly name: 'local'; readonly folder: string }
  | ({ readonly name: 'loop' } & LoopSettings)
  | ({ readonly name: 'nfs' } & NfsSettings)
  | ({ readonly name: 'ebs' } & EbsSettings);

/** The parser of each backend's setting, the text after the `=`. */
const parsers: Readonly<Record<string, (setting: string) => BackendSettings>> = {
  local: (setting) => ({ name: 'local', folder: parseLocal(setting) }),
  loop: (setting) => ({ name: 'loop', ...parseLoop(setting) }),
  nfs: (setting) => ({ name: 'nfs', ...parseNfs(setting) }),
  ebs: (setting) => ({ name: 'ebs', ...parseEbs(setting) }),
};

/** @throws Failure usage for a text that is meant for another backend, such as `/srv,size=10G` */
function parseLocal(setting: string): string {
  const [, option] = /,([a-z-]+=[^,]*)/.exec(setting) ?? [];
  if (option !== undefined) {
    throw new Failure(
      'usage',
      `--backend: local has no option ${JSON.stringify(option)}`,
      'use local=DIR, or the backend that has this option',
    );
  }
  return resolve(setting);
}

/**
 * Reads the value of `--backend`, `NAME=SETTING`.
 * @throws Failure usage when there is no such backend or its setting is wrong
 */
export function parseBackend(text: string): BackendSettings {
  // All options of `ebs` come after a comma, because it has no mandatory setting.
  const [, name = '', setting = ''] = /^([a-z]+)(?:=(?!$)|(?=,)|$)(.*)$/.exec(text) ?? [];
  const parse = Object.hasOwn(parsers, name) ? parsers[name] : undefined;
  if (parse === undefined || (setting === '' && name !== 'ebs')) {
    throw new Failure(
      'usage',
      `--backend ${JSON.stringify(text)} is not a backend`,
      'use local=DIR, loop=DIR[,fs=ext4|xfs][,size=10G], nfs=HOST:/EXPORT[,OPTION…] or ebs[=ZONE][,size=10G]',
    );
  }
  return parse(setting);
}
