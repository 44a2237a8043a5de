/** A real Node-RED with this pack and the reference flow, and its editor in Chromium. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { freePort, layOutUserDir, referenceFlow, startNodeRed } from '../../scripts/demo/node-red';
import type { Running } from '../../scripts/demo/processes';

export type Line = 'node-red' | 'node-red-4';
export const bothLines: readonly [Line, string][] = [
  ['node-red', 'newest Node-RED 5'],
  ['node-red-4', 'newest Node-RED 4.1'],
];

const flags = ['--no-sandbox', '--disable-gpu', '--disable-background-networking'];
const openMs = 60_000;

export class Editor {
  /** What the page complained of, but for the palette's catalogue, which is elsewhere. */
  readonly complaints: string[] = [];

  private constructor(
    private readonly directory: string,
    private readonly nodeRed: Running,
    private readonly browser: Browser,
    readonly page: Page,
    readonly url: string,
  ) {}

  static async open(line: Line, env: Record<string, string>): Promise<Editor> {
    const directory = mkdtempSync(join(tmpdir(), 'order-editor-'));
    const port = await freePort();
    layOutUserDir(join(directory, 'node-red'), { port, flows: referenceFlow() });
    const nodeRed = await startNodeRed(join(directory, 'node-red'), env, () => undefined, line);
    const browser = await chromium.launch({
      executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium',
      args: flags,
    });
    const page = await browser.newPage({ viewport: { width: 1500, height: 1100 } });
    const editor = new Editor(directory, nodeRed, browser, page, `http://127.0.0.1:${port}/`);
    page.on('pageerror', (error) => editor.complaints.push(error.message));
    page.on('console', (message) => {
      const about = `${message.text()} ${message.location().url}`;
      if (message.type() === 'error' && !about.includes('catalogue.nodered.org')) editor.complaints.push(about);
    });
    await page.goto(editor.url);
    await page.waitForFunction(
      `window.RED && RED.nodes && RED.nodes.filterNodes({ type: 'provisioning-health' }).length === 1`,
      null,
      { timeout: openMs },
    );
    await page.waitForFunction(
      `!document.querySelector('#red-ui-loading-progress') || $('#red-ui-loading-progress').is(':hidden')`,
      null,
      { timeout: openMs },
    );
    return editor;
  }

  async close(): Promise<void> {
    await this.browser.close();
    await this.nodeRed.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Runs a script in the page. */
  run<T>(script: string): Promise<T> {
    return this.page.evaluate<T>(script);
  }

  /** A property of the first node of a type. */
  property<T>(type: string, name: string): Promise<T> {
    return this.run<T>(`${nodeOfType(type)}[${JSON.stringify(name)}]`);
  }

  /** Opens the form of the first node of a type, with its closed sections. */
  async edit(type: string): Promise<void> {
    await this.run(`(() => {
      const node = ${nodeOfType(type)};
      if (node._def.category === 'config') RED.editor.editConfig('', node.type, node.id);
      else RED.editor.edit(node);
    })()`);
    await this.page.locator('form.order-provisioning-form').waitFor();
    await this.run(`document.querySelectorAll('form details').forEach((section) => (section.open = true))`);
    // Until it has slid in.
    await this.page.waitForFunction(`!$('.red-ui-tray').is(':animated')`);
  }

  /** Presses Done, Update or Cancel, and waits until the form is gone. */
  async leave(how: 'ok' | 'cancel'): Promise<void> {
    const config = await this.page.locator('#node-config-dialog-ok').count();
    await this.page.click(`#node-${config > 0 ? 'config-' : ''}dialog-${how}`);
    await this.page.waitForFunction(`document.querySelectorAll('.red-ui-tray').length === 0`);
  }

  async deploy(): Promise<void> {
    await this.page.click('#red-ui-header-button-deploy');
    await this.page.waitForFunction(`!RED.nodes.dirty()`);
  }

  /** The flows and the credentials as Node-RED has written them. */
  files(): { flows: string; credentials: string } {
    const read = (name: string): string => readFileSync(join(this.directory, 'node-red', name), 'utf8');
    return { flows: read('flows.json'), credentials: read('flows_cred.json') };
  }
}

const nodeOfType = (type: string): string => `(() => {
  const found = [];
  RED.nodes.eachNode((node) => { if (node.type === '${type}') found.push(node); });
  RED.nodes.eachConfig((node) => { if (node.type === '${type}') found.push(node); });
  return found[0];
})()`;
