/** The `guesthouse` command by its former name; main.js starts a twentieth of a second sooner. */
await import(new URL('main.js', import.meta.url).href);
export {};
