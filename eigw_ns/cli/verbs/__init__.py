"""One module per verb, each with a click command named `command`. It is loaded only when the verb is used."""
