/** A rejection that nobody handles ends Node-RED; the tests must not let it pass. */
process.on('unhandledRejection', (reason) => {
  throw reason;
});
