"""One file a dataset; each gives pandas tables, one row an example. `registry` checks the embedded files."""
