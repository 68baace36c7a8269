const storageKey = 'guesthouse.token';

interface Place {
  readonly location: Pick<Location, 'hash' | 'pathname' | 'search'>;
  readonly history: Pick<History, 'replaceState' | 'state'>;
  readonly sessionStorage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
}

/**
 * The server's access token. It comes once in the URL's fragment (`#token=…`), which never
 * reaches a server log or a Referer; it is then taken out of the address bar and history and
 * kept for this tab only, so that a reload works and a shared address gives nothing away.
 */
export function takeToken(place: Place): string | undefined {
  const given = new URLSearchParams(place.location.hash.replace(/^#/, '')).get('token');
  if (given) {
    place.sessionStorage.setItem(storageKey, given);
    const { pathname, search } = place.location;
    place.history.replaceState(place.history.state, '', pathname + search);
  }
  return given ?? place.sessionStorage.getItem(storageKey) ?? undefined;
}

/** After the server refused it: a reload shall not try it again. */
export function forgetToken(place: Pick<Place, 'sessionStorage'>): void {
  place.sessionStorage.removeItem(storageKey);
}

/** The token this tab goes by. */
export function storedToken(place: Pick<Place, 'sessionStorage'>): string | undefined {
  return place.sessionStorage.getItem(storageKey) ?? undefined;
}
