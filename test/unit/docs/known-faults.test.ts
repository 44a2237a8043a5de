/** The page of known faults stays true: each row is there, and names tests that there are. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

/** Rows of our list of reports. Numbers that are missing here were never given. */
const whmcs = [
  1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17, 20, 22, 23, 24, 25, 26, 27, 28, 29, 31, 32, 34, 36, 37, 38,
];
const incidents = [
  1, 2, 3, 4, 6, 7, 8, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 25, 27, 28, 29, 30, 31, 32, 33, 34, 36, 37, 38,
];

interface Row {
  numbers: string[];
  tests: { file: string; title: string }[];
}

const rows: Row[] = readFileSync('docs/known-faults.md', 'utf8')
  .split('\n')
  .filter((line) => /^\| [WT]\d/.test(line))
  .map((line) => {
    const cells = line.split('|').map((cell) => cell.trim());
    const named = [...(cells[4] ?? '').matchAll(/`([^`]+)`: “([^”]+)”/g)];
    return {
      numbers: (cells[1] ?? '').split(', '),
      tests: named.map(([, file = '', title = '']) => ({ file, title })),
    };
  });

/** A title as a pattern: what a template fills in is any text. */
const patterns = new Map<string, RegExp[]>();
function titlesOf(file: string): RegExp[] {
  const known = patterns.get(file);
  if (known) return known;
  const found: RegExp[] = [];
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest);
  const look = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && ts.isIdentifier(node.expression) && /^(it|scenario)$/.test(node.expression.text)) {
      const [title] = node.arguments;
      if (title && ts.isStringLiteralLike(title)) found.push(patternOf([title.text]));
      if (title && ts.isTemplateExpression(title))
        found.push(patternOf([title.head.text, ...title.templateSpans.map(({ literal }) => literal.text)]));
    }
    ts.forEachChild(node, look);
  };
  look(source);
  patterns.set(file, found);
  return found;
}
const patternOf = (parts: string[]): RegExp =>
  new RegExp(`^${parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('(.*)')}$`);

/** What a template fills in stands in the file too, or in what it shares with others beside it. */
function isThere(file: string, title: string): boolean {
  const folder = path.dirname(file);
  const shared = readdirSync(folder).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'));
  const sources = [file, ...shared.map((name) => path.join(folder, name))];
  const text = sources.map((name) => readFileSync(name, 'utf8')).join('\n');
  return titlesOf(file).some((pattern) => {
    const filled = pattern.exec(title)?.slice(1);
    return filled?.every((one) => text.includes(one)) ?? false;
  });
}

describe('docs/known-faults.md', () => {
  it('has each row of the reports once', () => {
    const wanted = [...whmcs.map((n) => `W${n}`), ...incidents.map((n) => `T${String(n).padStart(2, '0')}`)];
    const there = rows.flatMap(({ numbers }) => numbers);
    assert.deepEqual([...there].sort(), wanted.sort());
  });

  it('names for each row a test that there is, by its file and its title', () => {
    for (const { numbers, tests } of rows) {
      assert.ok(tests.length > 0, `${numbers.join()} names no test`);
      for (const { file, title } of tests) {
        assert.ok(existsSync(file), `${numbers.join()}: there is no ${file}`);
        assert.ok(isThere(file, title), `${numbers.join()}: ${file} has no test “${title}”`);
      }
    }
  });
});
