/** Names that the preload script and the main process share; the page knows the last one only. */
export const requestPortChannel = 'guesthouse:request-port';
export const portChannel = 'guesthouse:port';
