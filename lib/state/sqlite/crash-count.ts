/** Events that were in work when their process ended: back to the line, and to the dead after the fifth death. */
import { crashLimit } from '../event-id';
import type { Connection } from './connection';

/**
 * Inside the opening transaction. Events of a dead process wait again, one crash more each; at the limit they are dead,
 * with no end yet, so that somebody tells Salesforce. Those of this very instance, left by a close that could not write,
 * wait again without a count.
 */
export function takeUpDeadWork(connection: Connection, instance: string): void {
  connection
    .command(
      `UPDATE inbox SET worker = NULL, crashes = crashes + 1,
         state = CASE WHEN crashes + 1 >= $limit THEN 'dead' ELSE 'waiting' END,
         reason = CASE WHEN crashes + 1 >= $limit
           THEN 'Node-RED ended ' || (crashes + 1) || ' times while it worked on this event' END
       WHERE state = 'inWork' AND worker IS NOT $instance`,
    )
    .run({ instance, limit: crashLimit });
  handBack(connection, instance);
}

/** At a clean end of the process, or a close: what is in work waits again, and nothing is counted. */
export function handBack(connection: Connection, instance: string): void {
  connection
    .command(`UPDATE inbox SET state = 'waiting', worker = NULL WHERE state = 'inWork' AND worker = $instance`)
    .run({ instance });
}
