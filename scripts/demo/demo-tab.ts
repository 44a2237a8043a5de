/** A second tab for the demo's editor: one button a story, and what was approved in the debug sidebar. */
import type { FlowNode } from './node-red';
import type { Story } from './stories';

export function demoTab(stories: readonly Story[], buttons: string): FlowNode[] {
  const z = 'demotab000000001';
  const node = (id: string, type: string, x: number, y: number, wires: string[][], rest: object): FlowNode => ({
    id,
    type,
    z,
    x,
    y,
    wires,
    ...rest,
  });
  const ask = 'demoask000000001';
  const show = 'demoshow00000001';
  return [
    {
      id: z,
      type: 'tab',
      label: 'Demo orders',
      disabled: false,
      info: 'Click a button: an Order is made and approved in the simulated Salesforce. Watch it on the tab *Order provisioning* and in the debug sidebar.',
    },
    ...stories.map((story, index) =>
      node(`demobtn00000000${index}`, 'inject', 160, 80 + index * 60, [[ask]], {
        name: story.label,
        props: [{ p: 'url', v: `${buttons}/story/${story.name}`, vt: 'str' }],
        repeat: '',
        crontab: '',
        once: false,
        onceDelay: 0.1,
        topic: '',
      }),
    ),
    node(ask, 'http request', 420, 200, [[show]], {
      name: 'approve in Salesforce',
      method: 'GET',
      ret: 'obj',
      paytoqs: 'ignore',
      url: '',
      tls: '',
      persist: false,
      proxy: '',
      authType: '',
      senderr: false,
      headers: [],
    }),
    node(show, 'debug', 640, 200, [], {
      name: 'approved',
      active: true,
      tosidebar: true,
      console: false,
      tostatus: false,
      complete: 'payload',
      targetType: 'msg',
      statusVal: '',
      statusType: 'auto',
    }),
  ];
}
