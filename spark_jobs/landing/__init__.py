"""From a source's raw rows to behaviors: sources, catalog, validation, pseudonyms."""
