"""Jobs: declared, written to the ledger, claimed and run."""
