import assert from 'node:assert/strict';
import { types } from '../unit/editor/palette';
import { bothLines, Editor } from './editor';

const env = {
  SF_LOGIN_URL: 'http://127.0.0.1:1',
  SF_CLIENT_ID: 'consumer',
  SF_EVENTS_ENABLED: 'false',
  SF_EVENTS_REPLAY: 'sometimes',
  WHMCS_URL: 'http://127.0.0.1:1/whmcs',
  PORTAL_PRICEBOOK_ID: '01s000000000001AAA',
  REDIS_URL: 'redis://:hush@127.0.0.1:1',
};

/** How well two colours tell apart (WCAG 2): 4.5 is readable. */
function contrast(one: number[], other: number[]): number {
  const light = (colour: number[]): number => {
    const [red = 0, green = 0, blue = 0] = colour.map((part) =>
      part / 255 <= 0.03928 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [dark = 0, bright = 0] = [light(one), light(other)].sort((a, b) => a - b);
  return (bright + 0.05) / (dark + 0.05);
}

for (const [line, name] of bothLines) {
  describe(`the forms in the editor of the ${name}`, function () {
    this.timeout(120_000);
    let editor: Editor;
    before(async () => (editor = await Editor.open(line, env)));
    after(() => editor.close());
    afterEach(async () => {
      if ((await editor.page.locator('.red-ui-tray').count()) > 0) await editor.leave('cancel');
    });

    const hint = (field: string): Promise<string> =>
      editor.page
        .locator(`[id$="input-${field}"]`)
        .locator('xpath=ancestor::div[contains(@class,"form-row")]')
        .locator('.order-provisioning-hint:visible')
        .innerText();

    it('offer the boxes in the order of the work', async () => {
      const palette = await editor.run<string[]>(
        `$('#red-ui-palette-order_provisioning .red-ui-palette-node').map((_, box) => $(box).attr('data-palette-type')).get()`,
      );
      assert.deepEqual(palette, types.slice(3));
      const label = await editor.run<string>(
        `$('.red-ui-palette-node[data-palette-type="sf-get-order"] .red-ui-palette-label').text()`,
      );
      assert.equal(label.replace(/\s+/g, ' ').trim(), 'get order');
    });

    it('show the name of each output', async () => {
      assert.equal(
        await editor.run(
          `(() => { const node = RED.nodes.filterNodes({ type: 'mapping-check' })[0]; return node._def.outputLabels.call(node, 1); })()`,
        ),
        'incomplete',
      );
    });

    for (const type of types) {
      it(`open ${type} without a complaint, and change nothing when nothing was changed`, async () => {
        await editor.edit(type);
        assert.equal(await editor.page.locator('form.order-provisioning-form .input-error').count(), 0);
        const labels = await editor.page
          .locator('form.order-provisioning-form .form-row:visible > label')
          .allInnerTexts();
        for (const label of labels) assert.match(label.trim(), /^[A-Zo]/, 'every label has its words');
        assert.ok(labels.every((label) => !label.includes('.label.')));
        await editor.leave('ok');
        assert.ok(!(await editor.property<boolean>(type, 'changed')));
        assert.equal(await editor.run('RED.nodes.dirty()'), false);
        assert.ok((await editor.run<string>(`RED.nodes.getNodeHelp('${type}')`)).includes('<h3>Details</h3>'));
      });
    }

    it('say what is in force, what is missing, and what is wrong', async () => {
      await editor.edit('sf-connection');
      await editor.page.locator('.order-provisioning-hint:visible').first().waitFor();
      assert.equal(await hint('loginUrl'), 'SF_LOGIN_URL is set: http://127.0.0.1:1');
      assert.equal(await hint('audience'), 'SF_AUDIENCE is not set; it is optional');
      assert.equal(
        await hint('pubsubEndpoint'),
        'SF_PUBSUB_ENDPOINT is not set. In force: api.pubsub.salesforce.com:7443',
      );
      assert.equal(await hint('clientIdVar'), 'SF_CLIENT_ID is set');
      assert.equal(await hint('usernameVar'), 'SF_USERNAME is not set, and is needed');
      await editor.leave('cancel');
      await editor.edit('sf-platform-event-in');
      await editor.page.locator('.order-provisioning-wrong:visible').first().waitFor();
      assert.equal(await hint('replay'), 'SF_EVENTS_REPLAY must be one of LATEST, ALL');
      await editor.page.fill('#node-input-channel', '');
      await editor.page.locator('.order-provisioning-hint:visible', { hasText: 'In force: /event/' }).first().waitFor();
    });

    it('keep a number as a number, yes or no as such, and a variable as ${NAME}', async () => {
      await editor.edit('whmcs-accept-order');
      await editor.run(`$('#node-input-quarantine').typedInput('value', '400')`);
      await editor.run(`$('#node-input-autoSetup').typedInput('value', 'false')`);
      await editor.run(`$('#node-input-sendEmail').typedInput('type', 'env').typedInput('value', 'SEND_MAIL')`);
      await editor.leave('ok');
      assert.equal(await editor.property('whmcs-accept-order', 'quarantine'), 400);
      assert.equal(await editor.property('whmcs-accept-order', 'autoSetup'), false);
      assert.equal(await editor.property('whmcs-accept-order', 'sendEmail'), '${SEND_MAIL}');
      await editor.edit('whmcs-accept-order');
      assert.equal(await editor.run(`$('#node-input-sendEmail').typedInput('type')`), 'env');
      assert.equal(await editor.run(`$('#node-input-sendEmail').typedInput('value')`), '${SEND_MAIL}');
      await editor.run(`$('#node-input-sendEmail').typedInput('type', 'bool').typedInput('value', 'true')`);
      await editor.leave('ok');
      assert.equal(await editor.property('whmcs-accept-order', 'sendEmail'), true);
    });

    it('mark what is wrong, and the box with it', async () => {
      await editor.edit('whmcs-add-order');
      await editor.run(`$('#node-input-quarantine').typedInput('value', '10')`);
      await editor.page.locator('.red-ui-typedInput-container.input-error').waitFor();
      await editor.leave('ok');
      assert.equal(await editor.property('whmcs-add-order', 'valid'), false);
      const errors = await editor.property<string[]>('whmcs-add-order', 'validationErrors');
      assert.deepEqual(errors, ['Quarantine (s): must be a whole number from 300 to 86400']);
      await editor.edit('whmcs-add-order');
      await editor.run(`$('#node-input-quarantine').typedInput('value', '300')`);
      await editor.leave('ok');
      assert.equal(await editor.property('whmcs-add-order', 'valid'), true);
    });

    it('keep an empty limit of units for none, and give a flow from before it the usual one', async () => {
      const most = (): Promise<string> => editor.run(`$('#node-input-maxUnits').typedInput('value')`);
      await editor.edit('mapping-check');
      assert.equal(await most(), '10000');
      await editor.run(`$('#node-input-maxUnits').typedInput('value', '')`);
      assert.equal(
        await editor.page
          .locator('#node-input-maxUnits + .red-ui-typedInput-container .red-ui-typedInput-input')
          .getAttribute('placeholder'),
        'no limit',
      );
      await editor.leave('ok');
      assert.equal(await editor.property('mapping-check', 'maxUnits'), '');
      await editor.edit('mapping-check');
      assert.equal(await most(), '');
      await editor.leave('cancel');
      await editor.run(`delete RED.nodes.filterNodes({ type: 'mapping-check' })[0].maxUnits`);
      await editor.edit('mapping-check');
      assert.equal(await most(), '10000');
      await editor.leave('ok');
      assert.equal(await editor.property('mapping-check', 'maxUnits'), 10_000);
    });

    it('ask for the id of the custom field only where the marker is kept there', async () => {
      await editor.edit('whmcs-connection');
      assert.equal(await editor.page.isVisible('#node-config-input-markerFieldId'), false);
      await editor.run(`$('#node-config-input-marker').typedInput('value', 'customField')`);
      await editor.page.locator('#node-config-input-markerFieldId.input-error').waitFor();
    });

    it('show of a store what its engine needs, by what the variable holds as well', async () => {
      const shown = async (): Promise<string[]> => {
        const labels = editor.page.locator('form.order-provisioning-form .form-row:visible > label');
        return (await labels.allInnerTexts()).map((label) => label.trim());
      };
      const ofRedis = ['Redis URL in', 'Sentinels', 'TLS authorities'];
      await editor.edit('provisioning-store');
      await editor.page.locator('#node-config-input-directory').waitFor();
      assert.equal(await hint('engine'), 'PROVISIONING_STORE is not set. In force: embedded');
      const before = await shown();
      assert.deepEqual([before.includes('Folder'), ofRedis.some((label) => before.includes(label))], [true, false]);
      await editor.run(`$('#node-config-input-engine').typedInput('type', 'choice').typedInput('value', 'redis')`);
      await editor.page.locator('#node-config-input-redisUrlVar').waitFor();
      assert.equal(await hint('redisUrlVar'), 'REDIS_URL is set');
      const after = await shown();
      assert.deepEqual([after.includes('Folder'), ofRedis.every((label) => after.includes(label))], [false, true]);
      await editor.page.selectOption('#node-config-input-secretsFrom', 'stored');
      await editor.page.fill('#node-config-input-redisUrl', 'redis://:hushed-word@127.0.0.1:1');
      await editor.page.click('[data-test] button');
      const result = editor.page.locator('.order-provisioning-result');
      await result.locator('.fa-times').waitFor();
      assert.match(await result.innerText(), /STORE_UNAVAILABLE: Redis cannot be reached \(ECONNREFUSED\)/);
      assert.doesNotMatch(await result.innerText(), /hushed|127/);
      await editor.leave('cancel');
    });

    it('ask for PostgreSQL only where id mappings may be there, and try it', async () => {
      const fields = ['databaseUrlVar', 'mappingTable', 'portalColumn'].map((name) => `#node-config-input-${name}`);
      const visible = () => Promise.all(fields.map((field) => editor.page.isVisible(field)));
      await editor.edit('provisioning-store');
      await editor.page.locator('#node-config-input-databaseUrlVar').waitFor();
      assert.deepEqual(await visible(), [true, true, true]);
      for (const [choice, shown] of [
        ['none', false],
        ['postgres', true],
        ['embedded', false],
        ['postgres', true],
      ] as const) {
        await editor.run(`$('#node-config-input-idMappings').typedInput('value', '${choice}')`);
        await editor.page.waitForFunction(`$('#node-config-input-mappingTable').is(':visible') === ${shown}`);
        assert.deepEqual(await visible(), [shown, shown, shown], choice);
      }
      await editor.page.fill('#node-config-input-mappingTable', 'ids; DROP TABLE ids');
      await editor.page.locator('#node-config-input-mappingTable').blur();
      await editor.page.locator('#node-config-input-mappingTable.input-error').waitFor();
      await editor.page.fill('#node-config-input-mappingTable', 'portal.ids');
      await editor.page.selectOption('#node-config-input-secretsFrom', 'stored');
      await editor.page.fill('#node-config-input-databaseUrl', 'postgres://me:hushed-word@127.0.0.1:1/db');
      await editor.page.click('[data-test] button');
      const result = editor.page.locator('.order-provisioning-result');
      await result.locator('.fa-times').waitFor();
      assert.match(await result.innerText(), /ID_MAPPINGS_UNAVAILABLE: PostgreSQL cannot be reached \(ECONNREFUSED\)/);
      assert.doesNotMatch(await result.innerText(), /hushed|127/);
      await editor.leave('cancel');
    });

    it('ask how long to wait only where an order may wait', async () => {
      await editor.edit('whmcs-client-check');
      assert.equal(await editor.page.isVisible('#node-input-holdHours + .red-ui-typedInput-container'), false);
      await editor.run(`$('#node-input-missingPayment').typedInput('value', 'wait')`);
      await editor.page.locator('#node-input-holdHours + .red-ui-typedInput-container').waitFor();
      await editor.run(`$('#node-input-holdHours').typedInput('value', '48')`);
      await editor.leave('ok');
      assert.equal(await editor.property('whmcs-client-check', 'missingPayment'), 'wait');
      assert.equal(await editor.property('whmcs-client-check', 'holdHours'), 48);
    });

    it('take a variable’s name without ${}, so that no secret takes its place', async () => {
      await editor.edit('whmcs-connection');
      await editor.page.fill('#node-config-input-secretVar', '${MY_SECRET}');
      await editor.page.locator('#node-config-input-secretVar').blur();
      assert.equal(await editor.page.inputValue('#node-config-input-secretVar'), 'MY_SECRET');
    });

    it('store secrets with the credentials, never in the flow, and never show them again', async () => {
      const pem = '-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----\n';
      await editor.edit('sf-connection');
      await editor.page.selectOption('#node-config-input-secretsFrom', 'stored');
      assert.equal(await editor.page.isVisible('#node-config-input-clientIdVar'), false);
      await editor.page.fill('#node-config-input-clientId', 'hushed-consumer');
      await editor.page.fill('#node-config-input-username', 'hushed-user');
      await editor.page.fill('#node-config-input-privateKey', pem);
      await editor.leave('ok');
      await editor.deploy();
      const { flows, credentials } = editor.files();
      assert.doesNotMatch(flows, /hushed|MIIEvQ/);
      assert.doesNotMatch(credentials, /hushed|MIIEvQ/);
      await editor.page.reload();
      await editor.page.waitForFunction(
        `window.RED && RED.nodes && RED.nodes.filterNodes({ type: 'provisioning-health' }).length === 1`,
      );
      await editor.edit('sf-connection');
      for (const field of ['clientId', 'username', 'privateKey'])
        assert.equal(await editor.page.inputValue(`#node-config-input-${field}`), '__PWRD__', field);
      await editor.leave('ok');
      assert.equal(await editor.run('RED.nodes.dirty()'), false);
    });

    it('test a connection with what the form holds, stored secrets among it', async () => {
      await editor.edit('sf-connection');
      await editor.page.click('[data-test] button');
      const result = editor.page.locator('.order-provisioning-result');
      await result.locator('.fa-times').waitFor();
      assert.doesNotMatch(await result.innerText(), /hushed|MIIEvQ|SETTING_MISSING/);
      assert.match(await result.innerText(), /\S{10}/);
      await editor.leave('cancel');
      await editor.edit('whmcs-connection');
      await editor.page.click('[data-test] button');
      await editor.page.locator('.order-provisioning-result .fa-times').waitFor();
      assert.match(
        await editor.page.locator('.order-provisioning-result').innerText(),
        /SETTING_MISSING: identifier is not set/,
      );
    });

    for (const theme of line === 'node-red' ? ['light', 'dark'] : ['light']) {
      it(`can be read in the ${theme} theme`, async () => {
        await editor.run(`document.documentElement.classList.toggle('nr-theme-dark', ${theme === 'dark'})`);
        await editor.edit('sf-platform-event-in');
        await editor.page.locator('.order-provisioning-wrong:visible').first().waitFor();
        const colours = await editor.run<{ text: string; colour: number[]; behind: number[] }[]>(`(() => {
          const parts = (colour) => colour.match(/[0-9.]+/g).map(Number);
          const behind = (element) => {
            for (let at = element; at; at = at.parentElement) {
              const colour = parts(getComputedStyle(at).backgroundColor);
              if (colour.length === 3 || colour[3] > 0) return colour.slice(0, 3);
            }
          };
          return $('form.order-provisioning-form').find('label, summary, .order-provisioning-hint:visible').get()
            .map((element) => ({ text: element.textContent.trim(), colour: parts(getComputedStyle(element).color).slice(0, 3), behind: behind(element) }));
        })()`);
        assert.ok(colours.length > 15);
        for (const { text, colour, behind } of colours)
          assert.ok(contrast(colour, behind) >= 4, `${text}: ${contrast(colour, behind).toFixed(1)}`);
        await editor.run(`document.documentElement.classList.remove('nr-theme-dark')`);
      });
    }

    it('make the page complain of nothing', () => {
      assert.deepEqual(editor.complaints, []);
    });
  });
}
