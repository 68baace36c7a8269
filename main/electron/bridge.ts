/** Names that the preload script and the main process share; the page knows the last one only. */
export const messageChannel = 'guesthouse:message';
export const requestChannel = 'guesthouse:request';
export const portChannel = 'guesthouse:port';
