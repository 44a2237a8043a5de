/**
 * What the edit forms of this pack share: checks of fields, typed inputs that take a variable, the value in force, and
 * the Test button. Plain browser script, loaded by each node's html; the first one loaded serves all.
 *
 * A form says what it needs by attributes:
 *   data-typed="choice:a,b" | "number" | "yesNo"   fixed or environment; kept as one value, `${NAME}` for a variable
 *   data-secret="clientId"                         holds the name of the variable that has this secret
 *   data-when="engine=redis secretsFrom=stored"    a row that is shown for these values only, of which a|b are two; of a
 *                                                  variable, for what it holds
 *   data-test                                      the Test button's row
 */
(function () {
  'use strict';
  if (window.orderProvisioning) return;

  const shared = '@sf-whmcs/node-red-order-provisioning/sf-connection:form.';
  const variablePattern = /^\$(?:\{([a-zA-Z_][a-zA-Z0-9_]*)\}|\(([a-zA-Z_][a-zA-Z0-9_]*)\))$/;

  /** The variable that a text names as a whole, or null. */
  function variableIn(value) {
    const found = variablePattern.exec(String(value).trim());
    return found ? found[1] || found[2] : null;
  }

  // ------------------------------------------------------------------ checks

  /**
   * A validator for `defaults`. Two parameters, or Node-RED takes the sentence for "valid".
   * `test(text, node)` answers null, or the words of a fault: [key, values].
   */
  function checked(test) {
    return function validate(value, _opt) {
      const text = value === null || value === undefined ? '' : String(value).trim();
      if (variableIn(text)) return true;
      const fault = test(text, this);
      if (!fault) return true;
      const sentence = RED._(shared + 'fault.' + fault[0], fault[1] || {});
      const label = labelOf(this, validate);
      return label ? label + ': ' + sentence : sentence;
    };
  }

  function labelOf(node, validate) {
    const defaults = (node && node._def && node._def.defaults) || {};
    const field = Object.keys(defaults).find((name) => defaults[name].validate === validate);
    return field && typeof node._ === 'function' ? node._(node.type + '.label.' + field) : '';
  }

  /** Of text that may be empty, for which the default stands. */
  const orEmpty = (pattern, fault) => checked((text) => (text === '' || pattern.test(text) ? null : [fault]));
  const isAddress = (text) => /^https?:\/\/[^\s/?#]+/i.test(text);

  const fieldPathPattern = /^((OrderItem|Product2|PricebookEntry|Order|Account)\.)?[a-zA-Z]\w*$/i;

  const check = {
    needed: () => checked((text) => (text === '' ? ['needed'] : null)),
    address: () => checked((text) => (text === '' || isAddress(text) ? null : ['address'])),
    neededAddress: () => checked((text) => (text === '' ? ['needed'] : isAddress(text) ? null : ['address'])),
    servers: () =>
      orEmpty(/^([\w.-]+|\[[\da-fA-F:.]+\])(:\d{1,5})?([\s,;]+([\w.-]+|\[[\da-fA-F:.]+\])(:\d{1,5})?)*$/, 'servers'),
    endpoint: () => orEmpty(/^[^\s/:]+:\d{1,5}$/, 'endpoint'),
    apiVersion: () => orEmpty(/^\d{2,3}\.0$/, 'apiVersion'),
    channel: () => orEmpty(/^\/(event|data)\/\w+$/, 'channel'),
    fieldName: () => orEmpty(/^[a-zA-Z]\w*$/, 'fieldName'),
    columnName: () => orEmpty(/^[a-zA-Z_][\w$]{0,62}$/, 'columnName'),
    tableName: () => orEmpty(/^[a-zA-Z_][\w$]{0,62}(\.[a-zA-Z_][\w$]{0,62})?$/, 'tableName'),
    fieldPath: () => orEmpty(fieldPathPattern, 'fieldPath'),
    /** `12=OrderItem.Seat__c, 13=Order.PoNumber`, each id once. */
    fieldPaths: () =>
      checked((text) => {
        const pairs = text.split(/[,;\n]+/).map((pair) => pair.trim());
        const found = pairs.filter((pair) => pair !== '').map((pair) => pair.split(/\s*=\s*/));
        const right = found.every(
          (one) => one.length === 2 && /^[1-9]\d{0,8}$/.test(one[0]) && fieldPathPattern.test(one[1]),
        );
        return right && new Set(found.map((one) => one[0])).size === found.length ? null : ['fieldPaths'];
      }),
    salesforceId: () => orEmpty(/^[a-zA-Z0-9]{15}([a-zA-Z0-9]{3})?$/, 'salesforceId'),
    /** The name alone: `${NAME}` here would put the secret itself in its place. */
    variableName: () =>
      checked((text, node) => {
        if (fieldValue(node, 'secretsFrom') === 'stored') return null;
        return text === '' || /^[a-zA-Z_]\w*$/.test(text) ? null : ['variableName'];
      }),
    whole: (min, max) =>
      checked((text) => {
        const number = Number(text);
        const inRange = Number.isInteger(number) && number >= min && number <= max;
        return text === '' || inRange ? null : ['whole', { min: min, max: max }];
      }),
    yesNo: () => orEmpty(/^(true|false)$/, 'yesNo'),
    oneOf: (options) =>
      checked((text) =>
        text === '' || options.indexOf(text) >= 0 ? null : ['oneOf', { options: options.join(', ') }],
      ),
    /** A whole number that is needed while another field has this value. */
    neededWhen: (field, wanted, min) =>
      checked((text, node) => {
        if (fieldValue(node, field) !== wanted) return null;
        return Number.isInteger(Number(text)) && Number(text) >= min ? null : ['neededId'];
      }),
  };

  const prefixOf = (node) => (node._def && node._def.category === 'config' ? 'node-config-input-' : 'node-input-');

  /** A field as the open form has it, else as the node has it. */
  function fieldValue(node, field) {
    const input = $('#' + prefixOf(node) + field);
    const open = input.length > 0 && input.closest('form').data('orderProvisioningNode') === node.id;
    return open ? input.val() : node[field];
  }

  // ------------------------------------------------------------------- forms

  /** To be called by oneditprepare. */
  function prepare(node) {
    const config = prefixOf(node) === 'node-config-input-';
    const form = $(config ? '#node-config-dialog-edit-form' : '#dialog-form');
    form.addClass('order-provisioning-form').data('orderProvisioningNode', node.id);
    form.find('[data-typed]').each(function () {
      makeTyped($(this), node);
    });
    form.find('[data-secret]').on('change', function () {
      const name = variableIn($(this).val());
      if (name) $(this).val(name);
    });
    form.on('change', () => showRows(form, node));
    showRows(form, node);
    form.find('[data-test]').each(function () {
      makeTestButton($(this), node);
    });
    showInForce(form, node);
  }

  /** To be called by oneditsave: numbers and yes or no are kept as such, not as text. */
  function save(node) {
    const prefix = prefixOf(node);
    $('.order-provisioning-form [data-typed]').each(function () {
      const input = $(this);
      const id = input.attr('id') || '';
      if (id.indexOf(prefix) !== 0) return;
      const kind = input.attr('data-typed');
      const text = String(input.val()).trim();
      if (kind === 'number' && text !== '' && !isNaN(text)) node[id.slice(prefix.length)] = Number(text);
      else if (kind === 'yesNo' && /^(true|false)$/.test(text)) node[id.slice(prefix.length)] = text === 'true';
      else return;
      // Node-RED would read the text again after this.
      input.removeAttr('id');
    });
    $('.order-provisioning-form [data-secret]').trigger('change');
    leaveEmptyCredentials(node, prefix);
  }

  /** Node-RED takes a credential that never was for a change when its field is empty; it does not look at what is not there. */
  function leaveEmptyCredentials(node, prefix) {
    const stored = node.credentials || {};
    Object.keys(node._def.credentials || {}).forEach((name) => {
      const input = $('#' + prefix + name);
      if (input.val() === '' && !stored[name] && !stored['has_' + name]) input.removeAttr('id');
    });
  }

  function makeTyped(input, node) {
    const parts = input.attr('data-typed').split(':');
    const field = input.attr('id').slice(prefixOf(node).length);
    const fixed = {
      number: { value: 'num', label: RED._('typedInput.type.num'), icon: 'red/images/typedInput/09.svg' },
      yesNo: {
        value: 'bool',
        label: RED._('typedInput.type.bool'),
        icon: 'red/images/typedInput/bool.svg',
        options: ['true', 'false'].map((word) => ({ value: word, label: RED._(shared + word) })),
      },
      choice: {
        value: 'choice',
        label: RED._(shared + 'choice'),
        icon: 'fa fa-list',
        options: (parts[1] || '')
          .split(',')
          .map((word) => ({ value: word, label: node._(node.type + '.option.' + field + '.' + word) })),
      },
    }[parts[0]];
    const environment = {
      value: 'env',
      label: RED._('typedInput.type.env'),
      icon: 'red/images/typedInput/env.svg',
      export: (name) => (name.trim() === '' ? '' : '${' + (variableIn(name) || name.trim()) + '}'),
    };
    const value = input.val();
    const variable = variableIn(value);
    // The widget takes its width from here; measured, it would be none inside a closed section.
    input.attr('style', 'width: calc(100% - 160px)');
    input.typedInput({ types: [fixed, environment], default: variable ? 'env' : fixed.value });
    input.typedInput('type', variable ? 'env' : fixed.value);
    input.typedInput('value', variable || value);
  }

  function showRows(form, node) {
    form.find('[data-when]').each(function () {
      const row = $(this);
      const conditions = row.attr('data-when').split(' ');
      row.toggle(
        conditions.every((condition) => {
          const parts = condition.split('=');
          return parts[1].split('|').some((wanted) => mayBe(form, node, parts[0], wanted));
        }),
      );
    });
  }

  /** Whether a field has this value, or may have it: what some variables hold is not told. */
  function mayBe(form, node, field, wanted) {
    const text = String($('#' + prefixOf(node) + field).val());
    if (text !== '' && variableIn(text) === null) return text === wanted;
    const known = form.data('orderProvisioningInForce');
    if (!known) return false;
    const shown = known[field];
    return !shown || shown.value === null || shown.value === wanted;
  }

  // -------------------------------------------------------- the value in force

  /** Below each field: what a variable gives, or that it is not set. Asked of the runtime, which reads as the node does. */
  function showInForce(form, node) {
    const prefix = prefixOf(node);
    const hints = {};
    form.find('[id^="' + prefix + '"]').each(function () {
      const input = $(this);
      const field = input.attr('id').slice(prefix.length);
      if (!(field in node._def.defaults) || node._def.defaults[field].type || field === 'name') return;
      hints[field] = $('<div class="order-provisioning-hint"></div>').hide().appendTo(input.closest('.form-row'));
    });
    if (Object.keys(hints).length === 0) return;
    let waiting = null;
    let asked = 0;
    const ask = () => {
      waiting = null;
      if (!$.contains(document, form[0])) return;
      const mine = ++asked;
      const answered = (answer) => {
        if (mine !== asked) return;
        show(form, prefix, hints, answer);
        form.data('orderProvisioningInForce', answer.fields);
        showRows(form, node);
      };
      post('settings/' + node.type, { id: node.id, values: formValues(node) }).then(answered, () =>
        answered({ fields: {}, secrets: {} }),
      );
    };
    form.on('change keyup paste', () => {
      if (waiting !== null) clearTimeout(waiting);
      waiting = setTimeout(ask, 300);
    });
    ask();
  }

  function show(form, prefix, hints, answer) {
    Object.keys(hints).forEach((field) => say(hints[field], settingHint(answer.fields[field])));
    form.find('[data-secret]').each(function () {
      const field = ($(this).attr('id') || '').slice(prefix.length);
      if (hints[field]) say(hints[field], secretHint(answer.secrets[$(this).attr('data-secret')]));
    });
  }

  /** [key, values, is it wrong?] of the hint's words, or null for none. */
  function settingHint(shown) {
    if (!shown) return null;
    const named = shown.variable !== null;
    switch (shown.state) {
      case 'value':
        if (!named) return null;
        return shown.value === null ? ['isSet', shown] : ['inForce', shown];
      case 'default':
        return [named ? 'notSetDefault' : 'emptyDefault', shown];
      case 'unset':
        return named ? ['notSet', shown] : null;
      case 'missing':
        return named ? ['notSetNeeded', shown, true] : ['emptyNeeded', shown, true];
      default:
        return [named ? 'wrongVariable' : 'wrong', shown, true];
    }
  }

  function secretHint(shown) {
    if (!shown) return null;
    if (shown.variable === null) return shown.needed ? ['emptyNeeded', shown, true] : null;
    if (shown.set) return ['isSet', shown];
    return shown.needed ? ['notSetNeeded', shown, true] : ['notSet', shown];
  }

  function say(hint, words) {
    hint.toggle(words !== null).toggleClass('order-provisioning-wrong', words !== null && words[2] === true);
    hint.text(words === null ? '' : RED._(shared + 'hint.' + words[0], words[1]));
  }

  // ------------------------------------------------------------- Test button

  function makeTestButton(row, node) {
    const button = $(
      '<button type="button" class="red-ui-button"><i class="fa fa-plug"></i> <span></span></button>',
    ).appendTo(row);
    button.find('span').text(RED._(shared + 'test'));
    const result = $('<div class="order-provisioning-result" aria-live="polite"></div>').appendTo(row);
    button.on('click', () => {
      button.prop('disabled', true);
      result.empty().append($('<i class="fa fa-spinner fa-spin"></i>'));
      const done = (answer) => {
        button.prop('disabled', false);
        showResult(result, answer);
      };
      post('test/' + node.type, { id: node.id, values: formValues(node), credentials: formCredentials(node) }).then(
        done,
        (request) =>
          done({
            ok: false,
            code: '',
            message: RED._(shared + (request.status === 401 ? 'testNotAllowed' : 'testNoAnswer')),
            details: [],
          }),
      );
    });
  }

  function showResult(result, answer) {
    const icon = $('<i class="fa"></i>').addClass(
      answer.ok ? 'fa-check order-provisioning-right' : 'fa-times order-provisioning-wrong',
    );
    const code = answer.code && answer.code !== 'OK' ? answer.code + ': ' : '';
    const list = $('<ul></ul>');
    answer.details.forEach((line) => $('<li></li>').text(line).appendTo(list));
    result.empty().append(icon, $('<span></span>').text(' ' + code + answer.message));
    if (answer.details.length > 0) result.append(list);
    result[0].scrollIntoView({ block: 'nearest' });
  }

  function formValues(node) {
    const values = {};
    Object.keys(node._def.defaults).forEach((field) => {
      const value = $('#' + prefixOf(node) + field).val();
      if (value !== undefined) values[field] = value;
    });
    return values;
  }

  function formCredentials(node) {
    const credentials = {};
    Object.keys(node._def.credentials || {}).forEach((name) => {
      credentials[name] = $('#' + prefixOf(node) + name).val() || '';
    });
    return credentials;
  }

  const post = (path, body) =>
    $.ajax({
      type: 'POST',
      url: 'order-provisioning/' + path,
      contentType: 'application/json',
      dataType: 'json',
      data: JSON.stringify(body),
      timeout: 15000,
    });

  // ------------------------------------------------------------------- looks

  const style = document.createElement('style');
  style.textContent = [
    '.order-provisioning-form .form-row > label { width: 150px; }',
    '.order-provisioning-form .form-row > label > .fa { width: 18px; text-align: center; }',
    '.order-provisioning-form .form-row > input[type="text"], .order-provisioning-form .form-row > input[type="password"],',
    '.order-provisioning-form .form-row > select, .order-provisioning-form .form-row > textarea { width: calc(100% - 160px); }',
    '.order-provisioning-form textarea.order-provisioning-key { -webkit-text-security: disc; font-family: var(--red-ui-monospace-font); vertical-align: top; }',
    '.order-provisioning-form details { margin-bottom: 12px; }',
    '.order-provisioning-form summary { cursor: pointer; margin-bottom: 12px; color: var(--red-ui-primary-text-color); }',
    '.order-provisioning-hint { margin: 3px 0 0 155px; font-size: 12px; overflow-wrap: anywhere; color: var(--red-ui-primary-text-color); }',
    '.order-provisioning-hint.order-provisioning-wrong, .order-provisioning-result .order-provisioning-wrong { color: var(--red-ui-text-color-error); }',
    '.order-provisioning-result .order-provisioning-right { color: var(--red-ui-text-color-success); }',
    '.order-provisioning-result { margin-top: 8px; overflow-wrap: anywhere; }',
    '.order-provisioning-result ul { margin: 4px 0 0 20px; }',
  ].join('\n');
  document.head.appendChild(style);

  window.orderProvisioning = { check: check, prepare: prepare, save: save };
})();
