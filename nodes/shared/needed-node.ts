/**
 * Each node imports this first: on a Node.js that is too old none of them loads, and Node-RED says why. Else some would load,
 * and fail at their first order in words that name neither Node.js nor its version (`node:sqlite` is missing; a TypeError
 * in jsforce's HTTP library).
 */

/** package.json says the same to npm, which only warns of it unless the palette manager installs. */
const needed = [22, 13] as const;

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < needed[0] || (major === needed[0] && minor < needed[1]))
  throw new Error(
    `Order provisioning needs Node.js ${needed.join('.')} or newer, and this Node-RED runs on ${process.versions.node}. ` +
      'Install a newer Node.js and start Node-RED again; until then orders wait in Salesforce.',
  );
