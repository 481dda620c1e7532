// SPDX-License-Identifier: MIT
// Every call that the published client makes, read out of its own code.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const file = path.join(path.dirname(fileURLToPath(import.meta.resolve('@upstash/box'))), 'client.js');

// -> [{ method, template, line }], in the order of the code; `template` as it is written.
export function callSites() {
  const code = fs.readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\//g, (c) => c.replace(/[^\n]/g, ' '));
  const sites = [];
  for (const found of code.matchAll(/`(?:\$\{(?:baseUrl|this\._baseUrl)\})?(\/v2\/box[^`]*)`/g)) {
    const before = code.slice(Math.max(0, found.index - 60), found.index);
    const after = code.slice(found.index + found[0].length, found.index + found[0].length + 2500);
    const direct = /_request\("([A-Z]+)",\s*$/.exec(before);
    let method;
    if (direct) method = direct[1];
    else if (/fetch\($/.test(before)) method = option(after);
    else if (/(?:const|let) url = $/.test(before)) {
      const use = /_request\("([A-Z]+)", url|fetch\(url([\s\S]*)/.exec(after);
      method = use?.[1] ?? (use && option(use[2]));
    }
    if (!method) throw new Error(`a call is not understood: ${found[0]}`);
    sites.push({ method, template: found[1], line: code.slice(0, found.index).split('\n').length });
  }
  return { sites, mentions: code.match(/\/v2\/box/g).length };
}

// The method among fetch's options, which end at the first "});" or ")".
function option(text) {
  const options = text.slice(0, text.indexOf(';'));
  return /method: "([A-Z]+)"/.exec(options)?.[1] ?? 'GET';
}

// A path with real names in it.
export function concrete(template, names) {
  return template.split('?')[0].replace(/\$\{([^}]*(?:\([^)]*\))?)\}/g, (all, expression) => {
    if (/^(query|qs)$/.test(expression)) return '';
    const value = names[expression];
    if (value === undefined) throw new Error(`what stands for ${expression} in ${template}?`);
    return value;
  });
}
