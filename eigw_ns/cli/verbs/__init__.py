"""One module a verb, each with a click command named `command`. Loaded only when that verb is used."""
