import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorCodes } from '../../../lib/provisioning/error-codes';
import { configTypes, decoded, load, resourceFile, resourceUrl, root, textOf, types, word, type Type } from './palette';

/** Fields of the form: id, kind of the element, its attributes. */
function fieldsOf(type: Type, form: string): Map<string, string> {
  const prefix = configTypes.includes(type) ? 'node-config-input-' : 'node-input-';
  const elements = [...form.matchAll(/<(?:input|select|textarea)\b[^>]*>/g)].map(([element]) => element);
  return new Map(
    elements.map((element) => {
      const id = / id="([^"]*)"/.exec(element)?.[1] ?? '';
      assert.ok(id.startsWith(prefix), `${type}: ${element}`);
      return [id.slice(prefix.length), element];
    }),
  );
}

/** `<dt>`s of the section under a heading, with the text of their `<dd>`. */
function listUnder(help: string, heading: string): Map<string, string> {
  const section = new RegExp(`<h3>${heading}</h3>([\\s\\S]*?)(?=<h3>|$)`).exec(help)?.[1] ?? '';
  const pairs = [...section.matchAll(/<dt[^>]*>([\s\S]*?)<\/dt>\s*<dd>([\s\S]*?)<\/dd>/g)];
  return new Map(pairs.map(([, term, text]) => [textOf(term ?? ''), textOf(text ?? '')]));
}

/** Faults of the nesting of a piece of html. */
function unbalanced(html: string): string[] {
  const open: string[] = [];
  const faults: string[] = [];
  for (const [, end, name, closed] of html.matchAll(/<(\/?)([a-z][a-z0-9]*)\b[^>]*?(\/?)>/g)) {
    if (name === undefined || closed === '/' || ['input', 'br', 'img', 'hr'].includes(name)) continue;
    if (end === '') open.push(name);
    else if (open.pop() !== name) faults.push(`</${name}>`);
  }
  return [...faults, ...open.map((name) => `<${name}>`)];
}

describe('the forms and the help of the nodes', () => {
  for (const type of types) {
    const { definition, form, help, source, words } = load(type);
    const fields = fieldsOf(type, form);
    const properties = [...Object.keys(definition.defaults), ...Object.keys(definition.credentials ?? {})];
    const labelOf = (field: string): string | undefined => word(words, `${type}.label.${field}`);

    it(`${type} has a labelled field for every property, and no other`, () => {
      assert.deepEqual([...fields.keys()].sort(), [...properties].sort());
      for (const field of properties) {
        const id = / id="([^"]*)"/.exec(fields.get(field) ?? '')?.[1];
        assert.ok(form.includes(`<label for="${id}"`), field);
        assert.ok(labelOf(field), field);
      }
    });

    it(`${type} explains every property in its help, and no other`, () => {
      const explained = listUnder(help, 'Settings');
      assert.deepEqual(
        [...explained.keys()].sort(),
        [...new Set(properties.filter((field) => field !== 'name').map((field) => labelOf(field)))].sort(),
      );
    });

    it(`${type} hides each credential as it is typed`, () => {
      for (const name of Object.keys(definition.credentials ?? {}))
        assert.match(fields.get(name) ?? '', /type="password"|class="order-provisioning-key"/, name);
    });

    it(`${type} lets every number, choice and yes or no come from a variable`, () => {
      for (const [field, { value }] of Object.entries(definition.defaults)) {
        const element = fields.get(field) ?? '';
        const kind = / data-typed="([a-zA-Z]+)/.exec(element)?.[1];
        if (typeof value === 'number') assert.equal(kind, 'number', field);
        if (typeof value === 'boolean') assert.equal(kind, 'yesNo', field);
        // What the form and the flow check must know before anything runs is fixed.
        if (element.startsWith('<select')) assert.ok(['secretsFrom', 'status'].includes(field), field);
      }
    });

    it(`${type} shows in each empty field of free text what belongs there`, () => {
      for (const [field, element] of fields) {
        const { value, type: nodeType } = definition.defaults[field] ?? {};
        const isFree = / type="text"|^<textarea/.test(element) && !/ data-(?:typed|secret)=/.test(element);
        if (field === 'name' || nodeType !== undefined || !isFree) continue;
        // In a box a default is told below the field.
        if (!configTypes.includes(type) && value !== '') continue;
        const key = / data-i18n="\[placeholder\]([^"]*)"/.exec(element)?.[1] ?? '';
        assert.ok(key.startsWith(`${type}.placeholder.`), field);
        assert.match(word(words, key) ?? '', /^(?:such as \S|-----BEGIN )/, field);
      }
    });

    it(`${type} names its secrets' variables by fields that exist`, () => {
      for (const [field, element] of fields) {
        const secret = / data-secret="([^"]*)"/.exec(element)?.[1];
        assert.equal(secret !== undefined, field.endsWith('Var'), field);
        if (secret !== undefined) assert.ok(secret in (definition.credentials ?? {}), secret);
      }
    });

    it(`${type} has a word for every key, and a use for every word`, () => {
      const used = new Set([...form.matchAll(/data-i18n="(?:\[\w+\])?([^"]*)"/g)].map(([, key]) => key ?? ''));
      for (const [, field, options] of form.matchAll(
        / id="node-(?:config-)?input-(\w+)"\s+data-typed="choice:([^"]*)"/g,
      ))
        for (const option of (options ?? '').split(',')) used.add(`${type}.option.${field}.${option}`);
      used.add(`${type}.palette`);
      for (const way of ['go', 'skip', 'mapped', 'incomplete'])
        if (source.includes(`'${way}'`)) used.add(`${type}.output.${way}`);
      assert.deepEqual(
        keysOf(words)
          .filter((key) => !key.startsWith('form.'))
          .sort(),
        [...used].sort(),
      );
    });

    it(`${type} begins its help with one plain sentence or two, for the palette`, () => {
      const first = /^\s*<p>([\s\S]*?)<\/p>/.exec(help)?.[1] ?? '';
      assert.ok(first.length > 20 && first.length < 200, first);
      assert.ok(!first.includes('<'), first);
    });

    it(`${type} tells for each of its errors what the table of error codes tells`, () => {
      const told = [...listUnder(help, 'Errors'), ...listUnder(help, 'Skipped')];
      for (const [code, fix] of told) {
        assert.ok(code in errorCodes, code);
        assert.equal(fix, errorCodes[code as keyof typeof errorCodes].fix, code);
      }
      if (type !== 'provisioning-health') assert.ok(told.length > 0);
    });

    it(`${type} is well-formed`, () => {
      assert.deepEqual(unbalanced(form), []);
      assert.deepEqual(unbalanced(help), []);
      assert.deepEqual([...help.matchAll(/&(?!(?:lt|gt|amp|quot);)/g)].length, 0);
      assert.equal(decoded(form).includes('{{'), false);
    });

    it(`${type} loads the shared script first, from the package's own resources`, () => {
      assert.ok(source.startsWith(`<script src="${resourceUrl}"></script>\n<script type="text/javascript">`));
      const { name } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { name: string };
      assert.equal(resourceUrl, `resources/${name}/order-provisioning-editor.js`);
      assert.ok(existsSync(resourceFile));
    });

    it(`${type} takes its colours from the theme`, () => {
      for (const [, style] of (form + help).matchAll(/\bstyle="([^"]*)"/g)) assert.match(style ?? '', /^width:[^;]*$/);
      assert.doesNotMatch(form + help, /<style|<font|bgcolor/);
    });
  }

  it('take their shared colours from the theme', () => {
    const script = readFileSync(resourceFile, 'utf8');
    for (const [rule] of script.matchAll(/(?:color|background)[a-z-]*\s*:[^;}]*/g))
      assert.match(rule, /var\(--red-ui-/);
  });

  it('write what comes from outside as text, never as html', () => {
    const script = readFileSync(resourceFile, 'utf8');
    assert.doesNotMatch(script, /\.html\(|innerHTML|insertAdjacentHTML|document\.write/);
  });

  it('have a word for all that the shared script says', () => {
    const { words } = load('sf-connection');
    const script = readFileSync(resourceFile, 'utf8');
    const hints = [...script.matchAll(/\['(\w+)', shown\b|\? '(\w+)' : '(\w+)', shown\b/g)].flatMap((found) =>
      found.slice(1).filter(Boolean),
    );
    const known = keysOf(words).filter((key) => key.startsWith('form.hint.'));
    assert.deepEqual([...new Set(hints.map((key) => `form.hint.${key}`))].sort(), known.sort());
    for (const key of ['true', 'false', 'choice', 'test', 'testNotAllowed', 'testNoAnswer']) {
      assert.ok(script.includes(`'${key}'`), key);
      assert.ok(word(words, `form.${key}`), key);
    }
  });
});

function keysOf(words: Record<string, unknown>, before = ''): string[] {
  return Object.entries(words).flatMap(([name, inner]) =>
    typeof inner === 'string' ? [before + name] : keysOf(inner as Record<string, unknown>, `${before}${name}.`),
  );
}
