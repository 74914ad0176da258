import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

/** Names of files and folders of this repository, in code or in text. */
const repositoryPath =
  /(?<![\w./-])(?:src|test|native|scripts|bench|demo|etc|docs|\.ci)\/[\w./*{},-]*[\w*}]|(?<![\w./-])\.ci\/\w+/g;

/**
 * Checks the links and file names in pages.
 * @param {readonly string[]} pages paths of Markdown files
 * @returns {string[]} a line for each link that leads nowhere and each named file that does not exist
 */
export function linkFaults(pages) {
  return pages.flatMap((page) => {
    const text = readFileSync(page, 'utf8');
    return [...wrongLinks(page, text), ...missingFiles(page, text)];
  });
}

function wrongLinks(page, text) {
  const faults = [];
  for (const [, target = ''] of withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target)) continue; // another site
    const [file = '', anchor] = target.split('#');
    const path = file === '' ? page : normalize(join(dirname(page), file));
    if (!existsSync(path)) faults.push(`${page}: the link ${target} leads to no file`);
    else if (anchor !== undefined && !anchors(readFileSync(path, 'utf8')).has(anchor))
      faults.push(`${page}: the link ${target} leads to no heading`);
  }
  return faults;
}

function missingFiles(page, text) {
  const named = new Set(text.match(repositoryPath) ?? []);
  return [...named]
    .filter((path) => !path.includes('*') && !path.includes('{') && !existsSync(path))
    .map((path) => `${page}: there is no ${path}`);
}

/** @returns the anchors that GitHub gives to the headings of a page */
function anchors(text) {
  const found = new Set();
  for (const [, heading = ''] of withoutCode(text).matchAll(/^#+ (.+)$/gm)) {
    const anchor = heading
      .toLowerCase()
      .replace(/[^\p{Letter}\p{Number}\s_-]/gu, '')
      .replaceAll(' ', '-');
    found.add(anchor);
  }
  return found;
}

/** Removes lines of code, which contain no links and no headings. */
const withoutCode = (text) => text.replace(/^(```|~~~)[\s\S]*?^\1/gm, '').replace(/^ {4}.*$/gm, '');
