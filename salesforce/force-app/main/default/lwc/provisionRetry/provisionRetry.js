/** Provision / Retry: a headless quick action of an Order. It asks for provisioning and says so in a toast. */
import { LightningElement, api, wire } from 'lwc';
import { ShowToastEvent } from 'lightning/platformShowToastEvent';
import { getFieldValue, getRecord, updateRecord } from 'lightning/uiRecordApi';
import ID_FIELD from '@salesforce/schema/Order.Id';
import LAST_MODIFIED_FIELD from '@salesforce/schema/Order.LastModifiedDate';
import STATUS_FIELD from '@salesforce/schema/Order.Activation_Status__c';

export default class ProvisionRetry extends LightningElement {
  @api recordId;
  @wire(getRecord, { recordId: '$recordId', fields: [STATUS_FIELD, LAST_MODIFIED_FIELD] }) order;
  running = false;

  /** Called by the button. The Flows clear the last error, count the attempt and publish the request. */
  @api async invoke() {
    if (this.running) return;
    if (!this.order?.data)
      return this.toast('The order is still loading', 'Press the button again in a moment.', 'info');
    if (getFieldValue(this.order.data, STATUS_FIELD) === 'Activating') return this.inProgress();
    this.running = true;
    try {
      const fields = { [ID_FIELD.fieldApiName]: this.recordId, [STATUS_FIELD.fieldApiName]: 'Activating' };
      // Refused if somebody changed the order since it was shown, so that two people do not ask at once.
      const ifUnmodifiedSince = getFieldValue(this.order.data, LAST_MODIFIED_FIELD);
      await updateRecord({ fields }, { ifUnmodifiedSince });
      this.toast('Provisioning started', 'The order is on its way to WHMCS.', 'success');
    } catch (error) {
      this.toast('Provisioning was not started', reason(error), 'error');
    } finally {
      this.running = false;
    }
  }

  inProgress() {
    this.toast('Already in progress', 'This order is being provisioned.', 'info');
  }

  toast(title, message, variant) {
    this.dispatchEvent(new ShowToastEvent({ title, message, variant }));
  }
}

/** The words of an error of the UI API: of a rule of the page, of a field, or of the whole. */
function reason(error) {
  const output = error?.body?.output;
  const told = [...(output?.errors ?? []), ...Object.values(output?.fieldErrors ?? {}).flat()].map(
    (one) => one.message,
  );
  return told.join(' ') || error?.body?.message || error?.message || 'Reload the page and look at its status.';
}
